/* times.c - the lines that matter, at each moment of which the sites are known: sums of the changes in site_sample. */
#include "facts.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define MOMENTS_MOST 250 /* of more, only every second, third ... is kept: enough to see a trend */

/* Python frees nearly everything once its interpreter shuts down: what a program holds is seen before. Where several
 * interpreters shut down, the last one counts. */
static const char moments_sql[] =
    "SELECT t, max(name), max(kind) FROM (SELECT t_ns AS t, '' AS name, 0 AS kind FROM moment WHERE run = ?1 "
    "UNION ALL "
    "SELECT t_ns, CASE WHEN kind < 2 THEN name ELSE '' END, kind FROM mark WHERE run = ?1 AND sampled <> 0) "
    "WHERE t <= coalesce((SELECT max(t_ns) FROM mark WHERE run = ?1 AND kind = 2), t) GROUP BY t ORDER BY t";

static sqlite3_stmt *prepare(const struct advice *advice, const char *sql)
{
    sqlite3_stmt *s = report_prepare(advice->report, sql);

    if (s != NULL)
        sqlite3_bind_int64(s, 1, advice->run->number);
    return s;
}

/* Moments without a name are thinned out; marks are kept while there is room. */
static int read_moments(struct advice *advice, int64_t **t_ns)
{
    struct times *times = &advice->times;
    sqlite3_stmt *s = prepare(advice, moments_sql);
    int status = s != NULL ? EXIT_FINE : EXIT_FAILED;
    size_t names = 0, all = 0;

    texts_number(&times->marks, "");
    while (s != NULL && report_step(advice->report, s, &status)) {
        const char *name = (const char *)sqlite3_column_text(s, 1);
        int64_t *to = profile_grow(t_ns, &all, sizeof *to);
        size_t *mark = profile_grow(&times->mark, &names, sizeof *mark);

        *to = sqlite3_column_int64(s, 0);
        times->python_end = sqlite3_column_int64(s, 2) == 2;
        *mark = texts_number(&times->marks, name != NULL ? name : "");
    }
    sqlite3_finalize(s);
    size_t step = all / MOMENTS_MOST + 1;

    for (size_t i = 0; i < all; i++)
        if ((all - 1 - i) % step == 0) { /* the last one is kept */
            (*t_ns)[times->count] = (*t_ns)[i];
            times->mark[times->count++] = times->mark[i];
        }
    times->t = calloc(times->count + 1, sizeof *times->t);
    times->live = calloc(times->count + 1, sizeof *times->live);
    times->made = calloc(times->count + 1, sizeof *times->made);
    for (size_t i = 0; i < times->count; i++)
        times->t[i] = (double)(*t_ns)[i] / 1e9;
    return status;
}

/* The first moment that a change belongs to; count = it came after the last one. */
static size_t moment_of(const struct times *times, const int64_t *t_ns, int64_t t)
{
    size_t low = 0, high = times->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (t_ns[middle] < t)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static void add(int64_t *sum, int64_t value)
{
    *sum = (int64_t)((uint64_t)*sum + (uint64_t)value); /* sums in a stranger's file may wrap */
}

/* Rows: node, process, t_ns, allocations, live_allocations, live_bytes. */
static int read_changes(struct advice *advice, const int64_t *t_ns, const uint32_t *facts_of_node)
{
    struct times *times = &advice->times;
    sqlite3_stmt *s =
        prepare(advice, "SELECT node, process, t_ns, allocations, live_allocations, live_bytes, thread "
                        "FROM site_sample WHERE run = ?1");
    int status = s != NULL ? EXIT_FINE : EXIT_FAILED;

    while (s != NULL && report_step(advice->report, s, &status)) {
        size_t moment = moment_of(times, t_ns, sqlite3_column_int64(s, 2));

        if (moment == times->count)
            continue;
        add(&times->live[moment], sqlite3_column_int64(s, 5));
        add(&times->made[moment], sqlite3_column_int64(s, 3));
        uint32_t node = profile_node_index(&advice->profile, sqlite3_column_int64(s, 0)),
                 index = facts_of_node[node];

        if (index == PROFILE_NONE || advice->facts[index].moment == NULL ||
            !filter_site(advice->filter, advice->run->number, sqlite3_column_int64(s, 1),
                         sqlite3_column_int64(s, 6), sqlite3_column_int64(s, 0)))
            continue;
        struct facts_moment *to = &advice->facts[index].moment[moment];

        add(&to->allocations, sqlite3_column_int64(s, 3));
        add(&to->live_allocations, sqlite3_column_int64(s, 4));
        add(&to->live_bytes, sqlite3_column_int64(s, 5));
    }
    sqlite3_finalize(s);
    return status;
}

static void sum_up(struct advice *advice)
{
    struct times *times = &advice->times;

    for (size_t k = 1; k < times->count; k++) {
        add(&times->live[k], times->live[k - 1]);
        add(&times->made[k], times->made[k - 1]);
    }
    for (size_t i = 0; i < advice->facts_count; i++) {
        struct facts_moment *m = advice->facts[i].moment;

        for (size_t k = 1; m != NULL && k < times->count; k++) {
            add(&m[k].allocations, m[k - 1].allocations);
            add(&m[k].live_allocations, m[k - 1].live_allocations);
            add(&m[k].live_bytes, m[k - 1].live_bytes);
        }
    }
}

/* What a process never freed went with it. */
static int without_ended(struct advice *advice, const int64_t *t_ns)
{
    struct times *times = &advice->times;
    sqlite3_stmt *s =
        prepare(advice, "SELECT ended_ns, live_bytes FROM process WHERE run = ?1 AND ended_ns IS NOT NULL");
    int status = s != NULL ? EXIT_FINE : EXIT_FAILED;

    while (s != NULL && report_step(advice->report, s, &status))
        for (size_t k = moment_of(times, t_ns, sqlite3_column_int64(s, 0)); k < times->count; k++)
            times->live[k] = (int64_t)((uint64_t)times->live[k] - (uint64_t)sqlite3_column_int64(s, 1));
    sqlite3_finalize(s);
    return status;
}

int times_read(struct advice *advice)
{
    int64_t *t_ns = NULL;
    uint32_t *of = facts_by_node(advice);
    int status = read_moments(advice, &t_ns);

    for (size_t i = 0; i < advice->facts_count && status == EXIT_FINE; i++)
        if (facts_matter(advice, &advice->facts[i]))
            advice->facts[i].moment = calloc(advice->times.count + 1, sizeof *advice->facts[i].moment);
    if (status == EXIT_FINE)
        status = read_changes(advice, t_ns, of);
    if (status == EXIT_FINE) {
        sum_up(advice);
        if (advice->times.count > 0)
            advice->times.held = advice->times.live[advice->times.count - 1];
        status = without_ended(advice, t_ns);
    }
    free(t_ns);
    free(of);
    return status;
}

void times_free(struct times *times)
{
    free(times->t);
    free(times->live);
    free(times->made);
    free(times->mark);
    texts_free(&times->marks);
    *times = (struct times){0};
}
