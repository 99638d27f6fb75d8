/* month.c - see month.h. */
#define _GNU_SOURCE
#include "month.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BLOCK 48
#define EACH 240   /* blocks that a sample stands for: 300 sites make 10^10 in a month */
#define RUNS_FOR 3 /* snapshots: a thread lives so long */

/* A site counts every so many steps, and holds what it made in the last so many. */
static int64_t period(int site)
{
    return 1 + site % 5 + (site % 11 == 0 ? 400 : 0);
}

struct sample_counts month_counts(int site, int64_t step)
{
    uint64_t made = (uint64_t)(step / period(site)) * (uint64_t)(1 + site % 7) * EACH, held = made % 97;
    return (struct sample_counts){made, made * BLOCK, made - held, (made - held) * BLOCK, made / 3};
}

static int64_t time_of(const struct month *month, int64_t step)
{
    return step * month->step_ns;
}

int month_begin(struct month *month, const char *path)
{
    const struct store_process process = {
        .id = 1, .pid = 1, .command = "month", .executable = "/month", .ended_ns = -1};
    int code = store_open(path, &month->store);
    snprintf(month->path, sizeof month->path, "%s", path);
    if (month->bounds.keep_ns || month->bounds.most_bytes)
        samples_bound(&month->samples, (uint64_t)month->bounds.most_bytes);
    if (code == 0)
        code = store_begin(month->store);
    if (code == 0)
        code = store_run_add(month->store, "month", "month", "2026-01-01T00:00:00Z", "/", &month->run);
    if (code == 0)
        code = store_process(month->store, &process);
    for (int i = 1; i <= month->sites && code == 0; i++) {
        char function[32];
        snprintf(function, sizeof function, "f%d", i);
        ledger_add_site(&month->ledger, 0, 0, (uint32_t)i);
        code = store_line(month->store, i, "month.c", i, function, "/month", "native", 0);
        if (code == 0)
            code = store_frame(month->store, i, 0, i);
        if (code == 0)
            code = store_frame_line(month->store, i, 0, i);
        if (code == 0)
            code = store_node(month->store, i, 0, i);
    }
    return code == 0 ? store_commit(month->store) : code;
}

static void count(struct month *month, struct store_measures *sum)
{
    for (int i = 1; i <= month->sites; i++) {
        struct site *site = ledger_site(&month->ledger, (uint32_t)i);
        const struct sample_counts now = month_counts(i, month->step);
        site->allocations = now.allocations;
        site->bytes = now.bytes;
        site->frees = now.frees;
        site->freed_bytes = now.freed_bytes;
        site->temporary = now.temporary;
        sum->allocations += (int64_t)now.allocations;
        sum->bytes += (int64_t)now.bytes;
        sum->live_allocations += (int64_t)(now.allocations - now.frees);
        sum->live_bytes += (int64_t)(now.bytes - now.freed_bytes);
        sum->temporary += (int64_t)now.temporary;
    }
}

static struct store_measures measures_of(const struct sample_counts *c)
{
    return (struct store_measures){.allocations = (int64_t)c->allocations,
                                   .bytes = (int64_t)c->bytes,
                                   .live_allocations = (int64_t)(c->allocations - c->frees),
                                   .live_bytes = (int64_t)(c->bytes - c->freed_bytes),
                                   .temporary = (int64_t)c->temporary};
}

static int write_sites(struct month *month)
{
    int code = 0;
    for (int i = 1; i <= month->sites && code == 0; i++) {
        const struct sample_counts now = month_counts(i, month->step);
        if (month->step % period(i))
            continue;
        const struct store_site row = {.key = {.node = i, .process = 1},
                                       .line = i,
                                       .leaf = i,
                                       .m = measures_of(&now),
                                       .smallest = BLOCK,
                                       .largest = BLOCK};
        code = store_site(month->store, &row);
    }
    return code;
}

static int write_samples(struct month *month)
{
    struct samples *samples = &month->samples;
    int code = 0;
    for (uint32_t i = 0; i < samples->count && code == 0; i++) {
        const struct sample *sample = (const struct sample *)samples->rows.memory + i;
        const struct store_site_sample row = {.t_ns = (int64_t)sample->t_ns,
                                              .key = {.node = sample->node, .process = 1},
                                              .change = measures_of(&sample->change)};
        code = store_site_sample(month->store, &row);
    }
    samples->count = 0;
    struct moment *moments = samples->moments.memory;
    for (uint32_t i = 0; i < samples->moment_count && code == 0; i++)
        code = store_moment(month->store, (int64_t)moments[i].t_ns, (int64_t)moments[i].until_ns);
    if (samples->moment_count) {
        moments[0] = moments[samples->moment_count - 1];
        samples->moment_count = 1;
    }
    return code;
}

/* Threads live for some snapshots; the last of each is written when it has ended. */
static int write_threads(struct month *month)
{
    int code = 0;
    if (month->threads_every && month->step % month->threads_every == 0) {
        month->threads++;
        month->thread_allocations += month->threads % 13;
    }
    for (int64_t i = month->threads; i > 0 && i > month->threads - RUNS_FOR && code == 0; i--)
        code = store_thread(month->store, 1, i, (int)(i % 30000), "worker", i % 13, i % 13, i % 13);
    return code;
}

static int write_point(struct month *month, const struct store_measures *sum)
{
    int64_t t_ns = time_of(month, month->step), rss = 10000000 + month->step * 7919 % 999983;
    int64_t high = month->step % 1001 == 0 ? 5000000 + month->step : sum->live_bytes;
    if (high > month->highest)
        month->highest = high;
    if (rss > month->highest_rss)
        month->highest_rss = rss;
    return store_sample(month->store, t_ns, sum->live_allocations, high, rss);
}

static int write_mark(struct month *month)
{
    if (!month->mark_every || month->step % month->mark_every)
        return 0;
    const struct store_mark mark = {.id = ++month->marks,
                                    .t_ns = time_of(month, month->step),
                                    .process = 1,
                                    .name = month->mark_name ? month->mark_name : "lap",
                                    .sampled =
                                        samples_take(&month->samples, &month->ledger,
                                                     (uint64_t)time_of(month, month->step), SAMPLES_MARK),
                                    .lap_peak_bytes = month->step};
    return store_mark(month->store, &mark);
}

static void measure_file(struct month *month)
{
    struct stat status;
    char wal[sizeof month->path + 8];
    int64_t bytes = stat(month->path, &status) == 0 ? status.st_size : 0;
    snprintf(wal, sizeof wal, "%s-wal", month->path);
    bytes += stat(wal, &status) == 0 ? status.st_size : 0;
    month->most_bytes = bytes > month->most_bytes ? bytes : month->most_bytes;
}

static int step(struct month *month)
{
    struct store_run totals = {0};
    int64_t t_ns = time_of(month, ++month->step);
    count(month, &totals.m);
    totals.wall_ns = t_ns;
    int code = store_begin(month->store);
    if (code == 0)
        code = write_mark(month);
    month->samples.stirred = true;
    samples_take(&month->samples, &month->ledger, (uint64_t)t_ns, SAMPLES_SNAPSHOT);
    if (code == 0)
        code = write_sites(month);
    if (code == 0)
        code = write_samples(month);
    if (code == 0)
        code = write_threads(month);
    if (code == 0)
        code = write_point(month, &totals.m);
    if (code == 0 && month->events_every && month->step % month->events_every == 0) {
        month->events++;
        code = store_event(month->store, month->events, t_ns, 1, 1, "alloc", t_ns, 16, 1);
    }
    if (code == 0)
        code = store_run_totals(month->store, &totals);
    if (code == 0)
        code = store_commit(month->store);
    measure_file(month);
    if (code == 0)
        code = store_thin(month->store, &month->bounds, t_ns);
    measure_file(month);
    return code;
}

int month_go_on(struct month *month, int64_t steps)
{
    int code = 0;
    while (code == 0 && steps-- > 0)
        code = step(month);
    return code;
}

int month_end(struct month *month)
{
    int code = store_begin(month->store);
    if (code == 0)
        code = store_line_totals(month->store);
    if (code == 0)
        code = store_run_state(month->store, "complete");
    if (code == 0)
        code = store_commit(month->store);
    if (code == 0)
        code = store_thin(month->store, &month->bounds, time_of(month, month->step));
    if (code == 0)
        code = store_finish(month->store);
    measure_file(month);
    store_close(month->store);
    struct grow *arrays[] = {&month->samples.rows, &month->samples.sampled, &month->samples.moments,
                             &month->ledger.sites, &month->ledger.written};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        grow_free(arrays[i]);
    return code;
}

/* ---- the oracle ---------------------------------------------------------------------------------- */

static char wrong[256];

static int64_t number(sqlite3 *db, const char *sql)
{
    sqlite3_stmt *s = NULL;
    int64_t value = -1;
    if (sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK && sqlite3_step(s) == SQLITE_ROW)
        value = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return value;
}

/* The sums of the rows up to a time are what had been counted by then. */
static bool sums_are_right(const struct month *month, const struct sample_counts *sums, int64_t t_ns,
                           const char *what)
{
    for (int i = 1; i <= month->sites; i++) {
        const struct sample_counts right = month_counts(i, t_ns / month->step_ns);
        const struct store_measures a = measures_of(&sums[i]), b = measures_of(&right);
        if (memcmp(&a, &b, sizeof a) == 0)
            continue;
        snprintf(wrong, sizeof wrong, "%s at %lld: site %d has %lld allocations, not %lld", what,
                 (long long)t_ns, i, (long long)a.allocations, (long long)b.allocations);
        return false;
    }
    return true;
}

/* Goes through rows, moments and marks in the order of time. */
static const char *go_through(const struct month *month, sqlite3 *db, int64_t *moments)
{
    static const char sql[] = "SELECT t_ns, 0 AS kind, node, allocations, bytes, live_allocations, "
                              "live_bytes, temporary FROM site_sample "
                              "UNION ALL SELECT t_ns, 1, 0, 0, 0, 0, 0, 0 FROM moment UNION ALL SELECT t_ns, "
                              "2, 0, 0, 0, 0, 0, 0 FROM mark "
                              "WHERE sampled ORDER BY 1, 2";
    struct sample_counts *sums = calloc((size_t)month->sites + 1, sizeof *sums);
    sqlite3_stmt *s = NULL;
    bool right = sums && sqlite3_prepare_v2(db, sql, -1, &s, NULL) == SQLITE_OK;
    while (right && sqlite3_step(s) == SQLITE_ROW) {
        int64_t t_ns = sqlite3_column_int64(s, 0);
        struct sample_counts *sum = &sums[sqlite3_column_int64(s, 2)];
        if (sqlite3_column_int(s, 1) == 0) {
            sum->allocations += (uint64_t)sqlite3_column_int64(s, 3);
            sum->bytes += (uint64_t)sqlite3_column_int64(s, 4);
            sum->frees = sum->frees + (uint64_t)(sqlite3_column_int64(s, 3) - sqlite3_column_int64(s, 5));
            sum->freed_bytes =
                sum->freed_bytes + (uint64_t)(sqlite3_column_int64(s, 4) - sqlite3_column_int64(s, 6));
            sum->temporary += (uint64_t)sqlite3_column_int64(s, 7);
            continue;
        }
        *moments += sqlite3_column_int(s, 1) == 1;
        right = sums_are_right(month, sums, t_ns, sqlite3_column_int(s, 1) == 1 ? "moment" : "mark");
    }
    sqlite3_finalize(s);
    free(sums);
    return right ? NULL : wrong[0] ? wrong : "cannot read";
}

static bool is(sqlite3 *db, const char *sql, int64_t expected)
{
    int64_t found = number(db, sql);
    if (found != expected)
        snprintf(wrong, sizeof wrong, "%lld, not %lld: %.200s", (long long)found, (long long)expected, sql);
    return found == expected;
}

const char *month_wrong(const struct month *month, int64_t *moments)
{
    sqlite3 *db = NULL;
    int64_t allocations = 0;
    wrong[0] = '\0';
    *moments = 0;
    if (sqlite3_open_v2(month->path, &db, SQLITE_OPEN_READONLY, NULL) != SQLITE_OK)
        return "cannot open it";
    for (int i = 1; i <= month->sites; i++)
        allocations += (int64_t)month_counts(i, month->step / period(i) * period(i)).allocations;
    const char *found = go_through(month, db, moments);
    if (!found &&
        !(is(db, "SELECT sum(allocations) FROM site", allocations) &&
          is(db, "SELECT allocations FROM run", allocations) &&
          is(db, "SELECT count(*) FROM mark", month->marks) &&
          is(db, "SELECT max(live_bytes) FROM sample", month->highest) &&
          is(db, "SELECT max(rss_bytes) FROM sample", month->highest_rss) &&
          is(db, "SELECT ifnull(sum(allocations), 0) FROM thread", month->thread_allocations) &&
          is(db, "SELECT ifnull(max(id), 0) FROM thread", month->threads) &&
          is(db, "SELECT (SELECT count(*) FROM event) + (SELECT events FROM thinning)", month->events)))
        found = wrong;
    sqlite3_close(db);
    return found;
}
