/* resident_moments.c - see resident_moments.h. */
#define _GNU_SOURCE
#include "resident_moments.h"
#include "profile.h"
#include "units.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define NAMES 12 /* most marks to name in an error */

/* Numbers in a stranger's file may be of any size: sums wrap around. */
static void add(int64_t *sum, int64_t value)
{
    *sum = (int64_t)((uint64_t)*sum + (uint64_t)value);
}

/* Adds a process to its moment: the last of the list, or a new one. */
static void take(struct resident_moments *moments, sqlite3_stmt *s)
{
    int64_t id = sqlite3_column_int64(s, 0), t_ns = sqlite3_column_int64(s, 2),
            pss = sqlite3_column_int64(s, 6);
    struct resident_moment *m = moments->count > 0 ? &moments->list[moments->count - 1] : NULL;

    if (m == NULL || m->id != id) {
        m = profile_grow(&moments->list, &moments->count, sizeof *m);
        *m = (struct resident_moment){
            .id = id, .t_ns = t_ns, .kind = sqlite3_column_int64(s, 3), .mark = sqlite3_column_int64(s, 4)};
        if (m->kind < 0 || m->kind >= STORE_PAGES_KINDS)
            m->kind = STORE_PAGES_ASKED;
    }
    m->processes++;
    m->t_ns = t_ns > m->t_ns ? t_ns : m->t_ns;
    add(&m->resident, sqlite3_column_int64(s, 5));
    add(&m->untouched, sqlite3_column_int64(s, 7));
    add(&m->swapped, sqlite3_column_int64(s, 8));
    if (pss < 0 || m->pss < 0)
        m->pss = -1;
    else
        add(&m->pss, pss);
}

static int by_time(const void *a, const void *b)
{
    const struct resident_moment *x = a, *y = b;

    return x->t_ns != y->t_ns ? (x->t_ns > y->t_ns) - (x->t_ns < y->t_ns) : (x->id > y->id) - (x->id < y->id);
}

int resident_moments_read(const struct report *report, const struct run *run, const struct filter *filter,
                          struct resident_moments *moments)
{
    sqlite3_stmt *s = report_prepare(
        report, "SELECT id, process, t_ns, kind, mark, resident, pss, untouched, swapped FROM page_moment "
                "WHERE run = ?1 ORDER BY id, process");
    int status = EXIT_FINE;

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, run->number);
    while (report_step(report, s, &status))
        if (filter_process(filter, run->number, sqlite3_column_int64(s, 1)))
            take(moments, s);
    sqlite3_finalize(s);
    if (moments->count > 0)
        qsort(moments->list, moments->count, sizeof *moments->list, by_time);
    return status;
}

void resident_moments_free(struct resident_moments *moments)
{
    free(moments->list);
    *moments = (struct resident_moments){0};
}

const char resident_highest[] = "peak";

/* ---- which one ------------------------------------------------------------------------------- */

const struct resident_moment *resident_moments_highest(const struct resident_moments *moments)
{
    const struct resident_moment *highest = &moments->list[0];

    for (size_t i = 1; i < moments->count; i++)
        if (moments->list[i].resident > highest->resident)
            highest = &moments->list[i];
    return highest;
}

/* The last moment of kind end, NULL = none. */
static const struct resident_moment *at_end(const struct resident_moments *moments)
{
    for (size_t i = moments->count; i-- > 0;)
        if (moments->list[i].kind == STORE_PAGES_END)
            return &moments->list[i];
    return NULL;
}

/* The number-th moment at a mark of that name. */
static const struct resident_moment *at_mark(const struct report *report, const struct run *run,
                                             const struct resident_moments *moments, const char *name,
                                             long number)
{
    sqlite3_stmt *s = report_prepare(report, "SELECT id FROM mark WHERE run = ?1 AND name = ?2");
    const struct resident_moment *found = NULL;
    int status = EXIT_FINE;
    int64_t *marks = NULL;
    size_t count = 0;

    if (s == NULL)
        return NULL;
    sqlite3_bind_int64(s, 1, run->number);
    sqlite3_bind_text(s, 2, name, -1, SQLITE_STATIC);
    while (report_step(report, s, &status)) {
        int64_t *mark = profile_grow(&marks, &count, sizeof *marks);

        *mark = sqlite3_column_int64(s, 0);
    }
    sqlite3_finalize(s);
    for (size_t i = 0; i < moments->count && count > 0 && found == NULL; i++) {
        const struct resident_moment *m = &moments->list[i];
        int of_it = 0;

        for (size_t k = 0; k < count && m->kind == STORE_PAGES_MARK && !of_it; k++)
            of_it = marks[k] == m->mark;
        if (of_it && --number == 0)
            found = m;
    }
    free(marks);
    return found;
}

/* "tick#3" may be a name, or the third "tick". */
static const struct resident_moment *at_name(const struct report *report, const struct run *run,
                                             const struct resident_moments *moments, const char *at)
{
    const char *hash = strrchr(at, '#');
    const struct resident_moment *found = at_mark(report, run, moments, at, 1);

    if (found == NULL && hash != NULL && atol(hash + 1) > 0) {
        char *name = strndup(at, (size_t)(hash - at));

        found = at_mark(report, run, moments, name, atol(hash + 1));
        free(name);
    }
    return found;
}

/* Prints an error with the names of the marks at which the pages were looked at. */
static void no_such(const struct report *report, const struct run *run, const char *at)
{
    char *names[NAMES + 2], *list = NULL;
    size_t count = 0, size;
    int status = EXIT_FINE;
    FILE *out = open_memstream(&list, &size);
    sqlite3_stmt *s =
        report_prepare(report, "SELECT k.name FROM page_moment AS m JOIN mark AS k ON k.run = m.run AND "
                               "k.id = m.mark WHERE m.run = ?1 GROUP BY k.name ORDER BY min(m.t_ns)");

    if (s != NULL)
        sqlite3_bind_int64(s, 1, run->number);
    while (s != NULL && count < NAMES && report_step(report, s, &status)) {
        const char *name = (const char *)sqlite3_column_text(s, 0);

        names[count] = strdup(name != NULL ? name : "");
        fprintf(out, "%s, ", names[count++]);
    }
    sqlite3_finalize(s);
    fclose(out);
    names[count++] = strdup("end");
    names[count++] = strdup("peak");
    const char *nearest = args_nearest(at, (const char *const *)names, count);

    if (nearest != NULL)
        report_error(report, EXIT_FAILED, "run %lld has no moment '%s'; did you mean '%s'?",
                     (long long)run->number, at, nearest);
    else
        report_error(
            report, EXIT_FAILED,
            "of run %lld nothing is known by page at '%s'; it is at: %send, peak (or a time: 90, 2h30m, -1h)",
            (long long)run->number, at, list);
    for (size_t i = 0; i < count; i++)
        free(names[i]);
    free(list);
}

/* The latest moment up to a time. */
static const struct resident_moment *at_time(const struct report *report, const struct run *run,
                                             const struct resident_moments *moments, double seconds)
{
    const struct resident_moment *found = NULL;
    char first[UNITS_SIZE], wanted[UNITS_SIZE];
    int64_t t_ns = window_since_start(run, seconds);

    for (size_t i = 0; i < moments->count; i++)
        if (moments->list[i].t_ns <= t_ns)
            found = &moments->list[i];
    if (found == NULL)
        report_error(report, EXIT_FAILED,
                     "the pages of run %lld were first looked at at %s, and not up to %s.",
                     (long long)run->number, units_seconds(first, (double)moments->list[0].t_ns / 1e9),
                     units_seconds(wanted, (double)t_ns / 1e9));
    return found;
}

const struct resident_moment *resident_moments_find(const struct report *report, const struct run *run,
                                                    const struct resident_moments *moments, const char *at)
{
    const struct resident_moment *last = &moments->list[moments->count - 1], *end = at_end(moments);
    char seconds_text[UNITS_SIZE];
    double seconds;

    if (at == NULL)
        return last;
    if (at == resident_highest)
        return resident_moments_highest(moments);
    const struct resident_moment *found = at_name(report, run, moments, at);

    if (found != NULL)
        return found;
    if (strcmp(at, "end") == 0) {
        if (end == NULL)
            report_error(
                report, EXIT_FAILED,
                "the pages of run %lld were not looked at at its end; the latest look was at %s: leave out "
                "--at for that.",
                (long long)run->number, units_seconds(seconds_text, (double)last->t_ns / 1e9));
        return end;
    }
    if (strcmp(at, "peak") == 0)
        return resident_moments_highest(moments);
    if (window_time(at, &seconds))
        return at_time(report, run, moments, seconds);
    no_such(report, run, at);
    return NULL;
}
