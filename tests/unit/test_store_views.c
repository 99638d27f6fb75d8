/* test_store_views.c - the public contract: names and order of the views' columns. Columns may be added at
 * the end of a view; if this test has to be changed for any other reason, users' SQL breaks. */
#define _GNU_SOURCE
#include "store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define MEASURES                                                                                  \
    "allocations, bytes, peak_allocations, peak_bytes, live_allocations, live_bytes, temporary, " \
    "own_peak_bytes, own_peak_bytes_least"

#define ERRORS                                                                                           \
    "allocations_error, bytes_error, peak_allocations_error, peak_bytes_error, live_allocations_error, " \
    "live_bytes_error"

static const char *const views[][2] = {
    {"runs", "run, label, command, started, wall_s, cpu_s, exit_status, state, allocations, bytes, frees, "
             "freed_bytes, "
             "peak_allocations, peak_bytes, live_allocations, live_bytes, temporary, processes, threads, "
             "peak_rss_bytes, phase, peak_s, root, events_lost, damaged, by_thread, why, stopped, untraced, "
             "stacks_lost, unfreed_allocations, unfreed_bytes, sample_interval, samples, exact_allocations, "
             "exact_bytes"},
    {"processes",
     "run, process, pid, parent_pid, command, executable, started_s, ended_s, exit_status, allocations, "
     "bytes, peak_bytes, live_bytes"},
    {"threads", "run, process, tid, name, allocations, bytes, frees"},
    {"sites", "run, process, thread, stack, file, line, function, module, language, " MEASURES ", " ERRORS},
    {"lines", "run, file, line, function, module, language, " MEASURES ", " ERRORS},
    {"functions", "run, function, file, module, language, " MEASURES ", " ERRORS},
    {"stacks", "run, stack, frames, " MEASURES ", " ERRORS},
    {"leaks", "run, file, line, function, live_allocations, live_bytes, stack, live_allocations_error, "
              "live_bytes_error"},
    {"timeline", "run, t_s, live_bytes, live_allocations, rss_bytes"},
    {"marks", "run, process, mark, name, t_s, kind, highest_allocations, highest_bytes"},
    {"resident", "run, moment, t_s, kind, mark, process, part, file, line, function, name, bytes, blocks, "
                 "module, language"},
    {"mapped", "run, process, stack, file, line, function, module, language, " MEASURES},
    {"object_types",
     "run, type, basic_size, item_size, has_dict, at_run_time, file, line, function, shared_keys"},
    {"types", "run, type, language, file, line, function, module, " MEASURES ", how, seen, looks, " ERRORS},
};

static char path[] = "/tmp/test_store_views.XXXXXX";
static struct store *writer;

static void check(int code)
{
    if (code != 0)
        print_error("%s\n", store_error(writer));
    assert_int_equal(code, 0);
}

static void site(int64_t process, int64_t node, int64_t line, int64_t count, int64_t size, int64_t kept)
{
    struct store_site s = {.key = {.node = node, .process = process},
                           .line = line,
                           .leaf = line,
                           .m = {.allocations = count,
                                 .bytes = count * size,
                                 .peak_allocations = count / 2,
                                 .peak_bytes = count / 2 * size,
                                 .live_allocations = kept,
                                 .live_bytes = kept * size,
                                 .temporary = count / 3}};

    check(store_site(writer, &s));
}

static int only_one(void *data, struct store_site *site)
{
    const struct store_site **left = data;

    if (*left == NULL)
        return 0;
    *site = **left;
    *left = NULL;
    return 1;
}

/* Blocks of the first run's second stack, some of which were looked at. */
static void divide(int run)
{
    const struct store_stack_part first = {2, 2, 0, 2, 3}, second = {2, 4, 2, 1, 3};

    if (run != 0)
        return;
    check(store_node(writer, 4, 1, 1));
    check(store_stack_type(writer, 2, "Circle", STORE_TYPE_SAMPLED));
    check(store_stack_type(writer, 4, "Square", STORE_TYPE_SAMPLED));
    check(store_stack_part(writer, &first));
    check(store_stack_part(writer, &second));
}

/* The second run has no such rows, but the views cover the whole file. */
static void resident(int run)
{
    /* One page row for a stack without a site, and one for a stack whose site has another line. */
    const struct store_site mapped = {.key = {.node = 1, .process = 1},
                                      .line = 1,
                                      .m = {2, 8192, 1, 4096, 1, 4096}},
                            *left = &mapped;
    const struct store_page_moment moment = {.id = 1,
                                             .process = 1,
                                             .t_ns = 500000000,
                                             .kind = STORE_PAGES_MARK,
                                             .mark = 3,
                                             .resident = 12096,
                                             .pss = -1};
    const struct store_page_row
        site = {.moment = 1, .process = 1, .part = PAGES_PINNED, .node = 2, .bytes = 4000, .blocks = 2},
        file = {.moment = 1, .process = 1, .part = PAGES_FILES, .name = "/a", .bytes = 96},
        map = {.moment = 1, .process = 1, .part = PAGES_MAPPED, .node = 1, .bytes = 8000, .blocks = 1};

    if (run != 0)
        return;
    check(store_page_moment(writer, &moment));
    check(store_page_row(writer, &site));
    check(store_page_row(writer, &file));
    check(store_page_row(writer, &map));
    check(store_mapped_sites(writer, only_one, &left));
    check(store_stack_type(writer, 1, "guess", STORE_TYPE_INFERRED)); /* replaced */
    check(store_stack_type(writer, 1, "std::vector<int>", STORE_TYPE_EXACT));
    check(store_object_type(writer, &(struct store_object_type){"app.Item", 48, 0, 1, 1, 1}));
    check(store_object_type(writer, &(struct store_object_type){"tuple", 24, 8, 0, 0, 0}));
    check(store_object_keys(writer, "app.Item", 2));
    check(store_object_keys(writer, "app.Item", 3)); /* more were seen later */
}

/* Run 1: finished, with two processes that share a stack. Run 2: its symbols are not looked up yet. */
static int make(void **state)
{
    int64_t run;
    struct store_process process = {.id = 1,
                                    .pid = 7,
                                    .parent_pid = 6,
                                    .command = "a b",
                                    .executable = "/a",
                                    .started_ns = 500000000,
                                    .ended_ns = -1};

    (void)state;
    close(mkstemp(path));
    check(store_open(path, &writer));
    check(store_begin(writer));
    for (int i = 0; i < 2; i++) {
        struct store_run totals = {.wall_ns = 1500000000,
                                   .exit_known = 1,
                                   .exit_status = -9,
                                   .m = {60, 700, 30, 350, 4, 34, 20},
                                   .frees = 56,
                                   .freed_bytes = 666,
                                   .peak_rss_bytes = 4096};

        check(store_run_add(writer, "a", "a b", "2026-01-01T00:00:00Z", "/w", &run));
        check(store_process(writer, &process));
        check(store_thread(writer, 1, 1, 7, "main", 60, 700, 56));
        check(store_module(writer, 1, "/lib/liba.so", NULL, 0, -1));
        check(store_line(writer, 1, "/w/a.c", 10, "f", "/a", "native", 0));
        check(store_line(writer, 2, "/w/a.c", 20, "f", "/a", "native", 0));
        check(store_line(writer, 3, NULL, 0, "liba.so+0x20", "/lib/liba.so", "native", 0));
        for (int k = 1; k <= 3; k++)
            check(store_frame(writer, k, 1, k * 16));
        if (i == 0) {
            check(store_frame_line(writer, 1, 0, 1));
            check(store_frame_line(writer, 1, 1, 2)); /* 10 is inlined into 20 */
            check(store_frame_line(writer, 2, 0, 3));
        }
        check(store_node(writer, 1, 0, 2));
        check(store_node(writer, 2, 1, 1));
        check(store_node(writer, 3, -1, 3));
        site(1, 2, i == 0 ? 1 : 0, 30, 10, 2);
        site(2, 2, i == 0 ? 1 : 0, 20, 10, 0);
        site(1, 3, i == 0 ? 3 : 0, 8, 7, 2);
        site(1, 1, i == 0 ? 2 : 0, 2, 72, 0);
        totals.m = (struct store_measures){60, 700, 30, 350, 4, 34, 18, 0, 0};
        totals.end_allocations = 3; /* the other process had freed nothing when it ended, before */
        totals.end_bytes = 24;
        check(store_sample(writer, 250000000, 3, 30, 4096));
        resident(i);
        divide(i);
        if (i == 0) {
            check(store_line_totals(writer));
            check(store_run_state(writer, "complete"));
        }
        check(store_run_totals(writer, &totals));
    }
    check(store_commit(writer));
    check(store_finish(writer));
    store_close(writer);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    return unlink(path);
}

/* The first column of all rows, one per line. */
static char *ask(const char *sql)
{
    static char out[4096];
    struct store *reader;
    sqlite3_stmt *statement;
    size_t n = 0;

    out[0] = '\0';
    writer = NULL;
    assert_int_equal(store_open_read(path, &reader), 0);
    if (sqlite3_prepare_v2(store_handle(reader), sql, -1, &statement, NULL) != SQLITE_OK)
        fail_msg("%s: %s", sql, sqlite3_errmsg(store_handle(reader)));
    while (sqlite3_step(statement) == SQLITE_ROW)
        n += (size_t)snprintf(out + n, sizeof out - n, "%s%s", n > 0 ? "\n" : "",
                              sqlite3_column_text(statement, 0));
    sqlite3_finalize(statement);
    store_close(reader);
    return out;
}

static void columns(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof views / sizeof views[0]; i++)
        for (int file = 0; file < 2; file++) { /* through our report's connection, and through plain SQLite */
            char sql[128], found[1024] = "";
            sqlite3 *db;
            sqlite3_stmt *statement;
            struct store *reader = NULL;

            if (file)
                assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
            else
                assert_int_equal(store_open_read(path, &reader), 0);
            snprintf(sql, sizeof sql, "SELECT * FROM %s", views[i][0]);
            assert_int_equal(sqlite3_prepare_v2(file ? db : store_handle(reader), sql, -1, &statement, NULL),
                             SQLITE_OK);
            for (int k = 0; k < sqlite3_column_count(statement); k++) {
                strcat(found, k > 0 ? ", " : "");
                strcat(found, sqlite3_column_name(statement, k));
            }
            sqlite3_finalize(statement);
            if (strncmp(found, views[i][1], strlen(views[i][1])) != 0)
                fail_msg("%s has %s", views[i][0], found);
            if (file)
                sqlite3_close(db);
            store_close(reader);
        }
}

/* The sums agree in every measure, even in the run without symbols. */
static void sums(void **state)
{
    static const char *const of[] = {"lines", "functions", "stacks", "types"};

    (void)state;
    for (size_t i = 0; i < sizeof of / sizeof of[0]; i++) {
        char sql[1024];

        snprintf(
            sql, sizeof sql,
            "SELECT count(*) FROM runs AS r JOIN (SELECT run, sum(allocations) AS a, sum(bytes) AS b, "
            "sum(peak_allocations) AS c, sum(peak_bytes) AS d, sum(live_allocations) AS e, "
            "sum(live_bytes) AS f, "
            "sum(temporary) AS g FROM %s GROUP BY run) AS s ON s.run = r.run AND a = allocations AND b "
            "= bytes "
            "AND c = peak_allocations AND d = peak_bytes AND e = unfreed_allocations AND f = unfreed_bytes "
            "AND g = temporary",
            of[i]);
        assert_string_equal(ask(sql), "2");
    }
    assert_string_equal(ask("SELECT live_allocations || ' ' || live_bytes FROM runs"), "3 24\n3 24");
    assert_string_equal(ask("SELECT sum(live_bytes) FROM leaks GROUP BY run"), "34\n34");
}

static void texts(void **state)
{
    (void)state;
    assert_string_equal(ask("SELECT stack || '|' || frames FROM stacks WHERE run = 1 ORDER BY stack"),
                        "1|liba.so+0x20\n2|f (/w/a.c:10);f (/w/a.c:20);liba.so+0x20\n3|liba.so+0x30;[cut]");
    assert_string_equal(ask("SELECT stack FROM leaks WHERE run = 1 ORDER BY live_bytes DESC"),
                        "f (/w/a.c:10);f (/w/a.c:20);liba.so+0x20\nliba.so+0x30;[cut]");
    assert_string_equal(
        ask("SELECT function || coalesce(file, ' ') || line FROM leaks WHERE run = 1 ORDER BY line"),
        "liba.so+0x20 0\nf/w/a.c10");
    assert_string_equal(
        ask("SELECT function || coalesce(file, ' ') || line || module FROM lines WHERE run = 2 ORDER BY 1"),
        "liba.so+0x10 0/lib/liba.so\nliba.so+0x20 0/lib/liba.so\nliba.so+0x30 0/lib/liba.so");
    assert_string_equal(ask("SELECT frames FROM stacks WHERE run = 2 ORDER BY stack"),
                        "liba.so+0x20\nliba.so+0x10;liba.so+0x20\nliba.so+0x30;[cut]");
    assert_string_equal(ask("SELECT group_concat(function || line, ' ') FROM (SELECT * FROM lines WHERE run "
                            "= 1 ORDER BY line)"),
                        "liba.so+0x200 f10 f20");
    assert_string_equal(ask("SELECT function || allocations FROM functions WHERE run = 1 ORDER BY 1"),
                        "f52\nliba.so+0x208");
}

static void values(void **state)
{
    (void)state;
    assert_string_equal(
        ask("SELECT wall_s || ' ' || exit_status || ' ' || state || ' ' || processes || ' ' || threads "
            "FROM runs WHERE run = 1"),
        "1.5 -9 complete 1 1");
    assert_string_equal(ask("SELECT started_s || coalesce(ended_s, ' lives') FROM processes WHERE run = 1"),
                        "0.5 lives");
    assert_string_equal(ask("SELECT t_s || ' ' || live_bytes FROM timeline WHERE run = 1"), "0.25 30");
    assert_string_equal(ask("SELECT name || frees FROM threads WHERE run = 2"), "main56");
    assert_string_equal(
        ask("SELECT t_s || kind || mark || part || coalesce(file || line || function, name) || bytes || ' ' "
            "|| blocks FROM resident ORDER BY bytes"),
        "0.5mark3files/a96 0\n0.5mark3pinned/w/a.c10f4000 2\n0.5mark3mapped/w/a.c10f8000 1");
    assert_string_equal(ask("SELECT run || file || line || function || allocations || ' ' || bytes || ' ' || "
                            "peak_bytes || ' ' || live_bytes FROM mapped"),
                        "1/w/a.c10f2 8192 4096 4096");
    assert_string_equal(
        ask("SELECT type || how || line || function FROM types WHERE seen IS NULL AND type IS NOT NULL"),
        "std::vector<int>exact20f");
    assert_string_equal(ask("SELECT type || how || line || ' ' || allocations || ' ' || bytes || ' ' || "
                            "live_bytes || ' ' || seen || '/' "
                            "|| looks FROM types WHERE seen ORDER BY type"),
                        "Circlesampled10 33 333 13 2/3\nSquaresampled10 17 167 7 1/3");
    assert_string_equal(ask("SELECT type || basic_size || ' ' || item_size || has_dict || at_run_time || "
                            "coalesce(file || line || function, '') || coalesce(' ' || shared_keys, '') FROM "
                            "object_types ORDER BY type"),
                        "app.Item48 011/w/a.c10f 3\ntuple24 800");
    assert_string_equal(
        ask("SELECT count(*) FROM types WHERE run = 2 AND (type IS NOT NULL OR how IS NOT NULL)"), "0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(columns), cmocka_unit_test(sums),
                                       cmocka_unit_test(texts), cmocka_unit_test(values)};

    return cmocka_run_group_tests(tests, make, clean);
}
