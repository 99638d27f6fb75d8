/* test_window_sites.c - what lies between two moments of a run: the sites of a part, what is read for them, and its peak. */
#define _GNU_SOURCE
#include "window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "window_runs.h"

#include <sqlite3.h>

/* The part's sites: "node:allocations/live allocations". */
static void assert_sites(int run, const char *from, const char *to, const char *expected)
{
    char sql[512], text[512] = "";
    sqlite3_stmt *s;
    int n = 0;

    choose(run, from, to);
    snprintf(sql, sizeof sql,
             "SELECT node, allocations, live_allocations FROM %s WHERE run = %d AND process = 1 AND thread = "
             "0 AND "
             "bytes = 10 * allocations AND live_bytes = 10 * live_allocations AND line IN (70 + node, 71) "
             "AND leaf IN (80 + node, 81) "
             "AND peak_bytes = 0 AND own_peak_bytes = 0 AND smallest = 0 AND largest = 0 AND sizes IS NULL "
             "ORDER BY node",
             window_sites(&runs[run]), run);
    assert_int_equal(sqlite3_prepare_v2(report.sql, sql, -1, &s, NULL), SQLITE_OK);
    while (sqlite3_step(s) == SQLITE_ROW)
        n += sprintf(text + n, "%s%d:%d/%d", n > 0 ? " " : "", sqlite3_column_int(s, 0),
                     sqlite3_column_int(s, 1), sqlite3_column_int(s, 2));
    sqlite3_finalize(s);
    assert_string_equal(text, expected);
}

static void sites_of_parts(void **state)
{
    (void)state;
    assert_sites(MARKED, NULL, "1.5", "1:10/10 2:5/5");
    assert_sites(MARKED, NULL, "tick", "1:30/0 2:5/5");
    assert_sites(MARKED, "1.5", "2.2", "1:20/-10");
    assert_sites(MARKED, "loaded", "tick#2", "1:20/-10 2:100/100");
    assert_sites(MARKED, "3", NULL, "1:1001/1 3:7/0 4:4/4");
    assert_sites(MARKED, "9", NULL, "1:1000/0 4:4/4");
    assert_sites(MARKED, "0.5", NULL, "1:1031/1 2:105/105 3:7/0 4:4/4");
    assert_sites(MARKED, NULL, "1h", "1:1031/1 2:105/105 3:7/0 4:4/4");
    assert_sites(MARKED, NULL, "0.5", "");
    assert_sites(MARKED, NULL, "9", "1:31/1 2:105/105 3:7/0");
}

/* Of a long run, what is less. */
static void what_is_read(void **state)
{
    (void)state;
    assert_sites(ENDED, NULL, "1.5", "1:10/10");
    assert_sites(ENDED, NULL, "5", "1:10/10");
    assert_sites(ENDED, NULL, "6.5", "1:1016/1016"); /* all but what came later */
    assert_sites(ENDED, "1.5", "6.5", "1:6/6");
    assert_sites(ENDED, "2", NULL, "1:1015/1015"); /* all but what came before */
    assert_sites(ENDED, "5", NULL, "1:1015/1015");
    assert_sites(ENDED, "7", NULL, "1:9/9");
    assert_sites(LATE, NULL, "6.5", "1:16/16");
    assert_sites(LATE, "7", NULL, "1:1009/1009"); /* something may have come after the last look */
}

static void divided_parts(void **state)
{
    (void)state;
    assert_sites(DIVIDED, NULL, "1.5", "1:2/1 9:6/3");
    assert_non_null(strstr(window_sites(&runs[DIVIDED]), "_by_type"));
    assert_string_equal(window_sites(fresh(DIVIDED)), "(SELECT * FROM site_by_type WHERE allocations > 0)");
    runs[DIVIDED].sampling.interval = 1;
    assert_string_equal(window_sites(&runs[DIVIDED]), "(SELECT * FROM site_by_type WHERE allocations > 0)");
    assert_string_equal(window_sites(fresh(SAMPLED)), "(SELECT * FROM site_estimate WHERE allocations > 0)");
    assert_string_equal(window_sites(fresh(ENDED)), "(SELECT * FROM site WHERE allocations > 0)");
}

/* 8 blocks of 10 bytes, one block in 100 bytes taken: see variances.h. */
static void variances_of_parts(void **state)
{
    static const struct {
        const char *column;
        double expected;
    } columns[] = {{"bytes_variance", 80.0 * 100},      {"allocations_variance", 8.0 * 8 / 88 * 100},
                   {"live_bytes_variance", 40.0 * 100}, {"live_allocations_variance", 4.0 * 4 / 44 * 100},
                   {"temporary_variance", 0},           {"peak_bytes_variance", 0}};
    char sql[128];
    sqlite3_stmt *s;

    (void)state;
    assert_sites(SAMPLED, NULL, "1.5", "1:8/4");
    for (size_t i = 0; i < sizeof columns / sizeof columns[0]; i++) {
        snprintf(sql, sizeof sql, "SELECT %s FROM %s", columns[i].column, window_sites(&runs[SAMPLED]));
        assert_int_equal(sqlite3_prepare_v2(report.sql, sql, -1, &s, NULL), SQLITE_OK);
        assert_int_equal(sqlite3_step(s), SQLITE_ROW);
        assert_true(fabs(sqlite3_column_double(s, 0) - columns[i].expected) < 1e-6);
        sqlite3_finalize(s);
    }
}

static void assert_peak(const char *from, const char *to, int blocks)
{
    const struct window *window = &runs[MARKED].window;

    choose(MARKED, from, to);
    assert_int_equal(window->peak_known, blocks >= 0);
    assert_int_equal(window->peak_allocations, blocks >= 0 ? blocks : 0);
    assert_int_equal(window->peak_bytes, blocks >= 0 ? 100 * blocks : 0);
}

static void peaks_between_marks(void **state)
{
    (void)state;
    assert_peak(NULL, "loaded", 30);
    assert_peak("loaded", "tick#2", 50);
    assert_peak("tick", "tick#2", 40);
    assert_peak("tick#2", "a..b", 60);
    assert_peak("tick#9", NULL, 45); /* the last lap's, which no mark ends */
    assert_peak("loaded", NULL, 60);
    assert_peak("tick#2", "tick#2", 0);
    assert_peak("0.5", "loaded", 30); /* nothing was before that */
    assert_peak("tick#2", "1h", 60);
    assert_peak("1.5", "tick", -1);
    assert_peak("1.5", NULL, -1);
    assert_peak("loaded", "2.2", -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sites_of_parts),      cmocka_unit_test(what_is_read),
        cmocka_unit_test(divided_parts),       cmocka_unit_test(variances_of_parts),
        cmocka_unit_test(peaks_between_marks),
    };

    return cmocka_run_group_tests(tests, queried_begin, runs_end);
}
