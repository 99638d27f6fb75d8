/* resident_times.c - see resident_times.h. */
#include "resident_times.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* Keeps those in the chosen part of the run. */
static void narrow(const struct run *run, struct resident_moments *moments)
{
    size_t kept = 0;

    for (size_t i = 0; i < moments->count; i++)
        if (!run->window.set ||
            (moments->list[i].t_ns >= run->window.from.t_ns && moments->list[i].t_ns <= run->window.to.t_ns))
            moments->list[kept++] = moments->list[i];
    moments->count = kept;
}

/* Stores a sum of the query in its moment, if that is in our list. *at: the index of the previous one. */
static void take(struct resident_times *times, sqlite3_stmt *s, size_t *at)
{
    const char *name = (const char *)sqlite3_column_text(s, 1);
    int64_t id = sqlite3_column_int64(s, 0);
    const struct resident_moment *list = times->moments.list;
    int part = PAGES_OTHER;

    for (int i = 0; i < PAGES_PARTS; i++)
        if (name != NULL && strcmp(resident_part_names[i], name) == 0)
            part = i;
    for (size_t i = 0; i < times->moments.count && list[*at].id != id; i++)
        *at = (*at + 1) % times->moments.count;
    if (list[*at].id == id)
        times->parts[*at][part] = sqlite3_column_int64(s, 2);
}

int resident_times_read(const struct report *report, const struct run *run, struct resident_times *times)
{
    struct filter all = {0};
    size_t at = 0;

    *times = (struct resident_times){0};
    int status = resident_moments_read(report, run, &all, &times->moments);

    narrow(run, &times->moments);
    if (status != EXIT_FINE || times->moments.count == 0)
        return status;
    times->parts = calloc(times->moments.count, sizeof *times->parts);
    /* total(), because sum() fails if a stranger's numbers are too large. */
    sqlite3_stmt *s =
        report_prepare(report, "SELECT moment, part, CAST(total(bytes) AS INTEGER) FROM resident WHERE run = "
                               "?1 AND part <> 'untouched' GROUP BY 1, 2");

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, run->number);
    while (report_step(report, s, &status))
        take(times, s, &at);
    sqlite3_finalize(s);
    return status;
}

void resident_times_free(struct resident_times *times)
{
    free(times->parts);
    resident_moments_free(&times->moments);
}
