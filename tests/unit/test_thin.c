/* test_thin.c - what is kept of the past of a long run: against a program whose counts are known at any time. */
#define _GNU_SOURCE
#include "month.h"
#include "quantity.h"
#include "thinning.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "first_column.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define SECOND 1000000000ll
#define HOUR (3600 * SECOND)
#define DAY (24 * HOUR)

static char folder[] = "/tmp/test_thin.XXXXXX";
static char path[64], other[64];

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/trace.db", folder);
    snprintf(other, sizeof other, "%s/other.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static void check(const struct month *month, int code)
{
    if (code != 0)
        print_error("%s\n", store_error(month->store));
    assert_int_equal(code, 0);
}

static int64_t compare(const struct month *month)
{
    int64_t moments;
    const char *wrong = month_wrong(month, &moments);
    if (wrong)
        print_error("%s\n", wrong);
    assert_null(wrong);
    return moments;
}

static int64_t number(const char *sql)
{
    return strtoll(in_file(path, sql), NULL, 10);
}

/* ---- the law ------------------------------------------------------------------------------------ */

static int64_t grain_at(int64_t now_ns, int64_t age_ns, int64_t keep_ns, int force)
{
    struct thinning_span spans[THINNING_SPANS];
    int count = thinning_spans(spans, now_ns, keep_ns, force);
    for (int i = 0; i < count; i++)
        if (now_ns - age_ns >= spans[i].from_ns && now_ns - age_ns < spans[i].to_ns)
            return spans[i].grain_ns / SECOND;
    return 0;
}

static void the_older_the_coarser(void **state)
{
    const int64_t now = 100 * DAY;
    (void)state;
    assert_int_equal(grain_at(now, HOUR / 12, 7 * DAY, 0), 0);
    assert_int_equal(grain_at(now, HOUR / 2, 7 * DAY, 0), 10);
    assert_int_equal(grain_at(now, 2 * HOUR, 7 * DAY, 0), 60);
    assert_int_equal(grain_at(now, 6 * DAY, 7 * DAY, 0), 60);
    assert_int_equal(grain_at(now, 8 * DAY, 7 * DAY, 0), 3600);
    assert_int_equal(grain_at(now, 40 * DAY, 7 * DAY, 0), 6 * 3600);
    assert_int_equal(grain_at(now, 8 * DAY, 30 * DAY, 0), 60);
    assert_int_equal(grain_at(now, HOUR / 60 + 20 * SECOND, HOUR / 60, 0), 10);
    for (int force = 0; force < THINNING_FORCE_MOST; force++)
        for (int64_t age = SECOND; age < now; age *= 2)
            assert_true(grain_at(now, age, DAY, force) <= grain_at(now, age, DAY, force + 1));
    assert_true(grain_at(now, SECOND, DAY, THINNING_FORCE_MOST) > 0);
}

/* Spans are one after the other without a gap, whole multiples of their grains, and only ever move on. */
static void spans_fit(void **state)
{
    struct thinning_span spans[THINNING_SPANS], before[THINNING_SPANS];
    int known = 0;
    (void)state;
    for (int64_t now = 0; now < 40 * DAY; now += 7 * HOUR + 1234567) {
        int count = thinning_spans(spans, now, DAY, 0);
        for (int i = 0; i < count; i++) {
            assert_int_equal(spans[i].from_ns, i ? spans[i - 1].to_ns : 0);
            assert_true(spans[i].to_ns > spans[i].from_ns && spans[i].to_ns <= now);
            assert_int_equal(spans[i].to_ns % spans[i].grain_ns, 0);
            if (i)
                assert_int_equal(spans[i - 1].grain_ns % spans[i].grain_ns, 0);
            for (int k = 0; k < known; k++)
                if (before[k].grain_ns == spans[i].grain_ns)
                    assert_true(before[k].to_ns <= spans[i].to_ns);
        }
        memcpy(before, spans, sizeof spans);
        known = count;
    }
    assert_int_equal(thinning_spans(spans, 5 * SECOND, DAY, 0), 0);
    assert_true(thinning_spans(spans, INT64_MAX / 2, INT64_MAX, 0) > 0);
}

/* ---- runs --------------------------------------------------------------------------------------- */

/* Two days of which six hours are kept: all that is left is as it was, and marks are what they were. */
static void what_is_left_is_right(void **state)
{
    struct month month = {.bounds = {.keep_ns = 6 * HOUR},
                          .step_ns = 30 * SECOND,
                          .sites = 12,
                          .mark_every = 997,
                          .threads_every = 2,
                          .events_every = 2};
    (void)state;
    check(&month, month_begin(&month, path));
    for (int day = 0; day < 2; day++) {
        check(&month, month_go_on(&month, DAY / month.step_ns));
        compare(&month);
    }
    check(&month, month_end(&month));
    int64_t moments = compare(&month);
    assert_true(moments > 300 && moments < 1000); /* of 5,760 */
    assert_int_equal(number("SELECT count(*) FROM mark WHERE sampled = 0"), 0);
    assert_true(number("SELECT count(*) FROM mark") >= 5);
    assert_true(number("SELECT count(*) FROM thread") < 2010);
    assert_true(number("SELECT count(*) FROM event") < 700);
    assert_int_equal(
        number("SELECT min(t_ns) > (SELECT max(t_ns) FROM sample) - 7 * 3600 * 1000000000 FROM event"), 1);
    /* the latest ten minutes are whole, and a day ago it is one a grain of ten minutes, and one a mark */
    assert_int_equal(
        number("SELECT count(*) FROM moment WHERE t_ns > (SELECT max(t_ns) FROM moment) - 600000000000"), 20);
    assert_true(number("SELECT max(n) FROM (SELECT count(*) AS n FROM moment WHERE t_ns BETWEEN 20 * "
                       "3600000000000 AND 30 * "
                       "3600000000000 GROUP BY t_ns / 600000000000)") <= 2);
    assert_true(number("SELECT grain_ns FROM thinning") >= 600 * SECOND);
    assert_int_equal(number("SELECT short FROM thinning"), 0);
    unlink(path);
}

/* A file that would be ten times as large stays below its limit, its WAL included. */
static void a_file_is_bounded(void **state)
{
    struct month month = {.bounds = {.most_bytes = 2 << 20},
                          .step_ns = 40 * SECOND,
                          .sites = 60,
                          .mark_every = 700,
                          .threads_every = 1,
                          .events_every = 1};
    (void)state;
    check(&month, month_begin(&month, path));
    check(&month, month_go_on(&month, 3000));
    check(&month, month_end(&month));
    assert_true(compare(&month) > 10);
    assert_true(month.most_bytes <= 2 << 20);
    assert_int_equal(number("SELECT short FROM thinning"), 0);
    unlink(path);
}

/* Where the sites alone take more, that is said, and all of them are there. */
static void what_is_never_thinned_may_be_too_much(void **state)
{
    struct month month = {.bounds = {.most_bytes = 1 << 20}, .step_ns = SECOND, .sites = 12000};
    (void)state;
    check(&month, month_begin(&month, path));
    check(&month, month_go_on(&month, 80));
    check(&month, month_end(&month));
    compare(&month);
    assert_int_equal(number("SELECT short FROM thinning"), 1);
    unlink(path);
}

/* Of each grain the look at pages that found the most stays, with all of its rows. */
static void looks_at_pages(void **state)
{
    struct month month = {.bounds = {.keep_ns = HOUR}, .step_ns = 60 * SECOND, .sites = 2};
    (void)state;
    check(&month, month_begin(&month, path));
    check(&month, store_begin(month.store));
    for (int64_t i = 1; i <= 600; i++) {
        struct store_page_moment look = {
            .id = i, .process = 1, .t_ns = i * 60 * SECOND, .resident = i * 7919 % 997};
        struct store_page_row row = {.moment = i, .process = 1, .part = PAGES_LIVE, .node = 1, .bytes = i};
        check(&month, store_page_moment(month.store, &look));
        check(&month, store_page_row(month.store, &row));
    }
    check(&month, store_commit(month.store));
    check(&month, month_go_on(&month, 1300));
    check(&month, month_end(&month));
    assert_int_equal(number("SELECT count(*) FROM page_moment"), 61); /* of ten hours, one a ten minutes */
    assert_int_equal(number("SELECT count(*) FROM page_row"), 61);
    assert_int_equal(number("SELECT count(*) FROM page_row WHERE moment NOT IN (SELECT id FROM page_moment)"),
                     0);
    assert_int_equal(
        number("SELECT resident FROM page_moment WHERE t_ns / 600000000000 = 5"),
        number("WITH RECURSIVE i(n) AS (SELECT 50 UNION ALL SELECT n + 1 FROM i WHERE n < 59) SELECT "
               "max(n * 7919 % 997) FROM i"));
    unlink(path);
}

/* Without either nothing is thinned, and there is no table that says so. */
static void not_asked_for(void **state)
{
    struct month month = {.step_ns = 60 * SECOND, .sites = 3};
    (void)state;
    check(&month, month_begin(&month, path));
    check(&month, month_go_on(&month, 2000));
    check(&month, month_end(&month));
    assert_int_equal(number("SELECT count(*) FROM sample"), 2000);
    assert_int_equal(number("SELECT count(*) FROM sqlite_schema WHERE name = 'thinning'"), 0);
    assert_string_equal(in_report(path, "SELECT count(*) FROM thinning"), "0");
    unlink(path);
}

static void copied_and_removed(void **state)
{
    struct month month = {.bounds = {.keep_ns = HOUR}, .step_ns = 60 * SECOND, .sites = 3};
    struct store *reader, *writer;
    int64_t copy;
    (void)state;
    check(&month, month_begin(&month, path));
    check(&month, month_go_on(&month, 600));
    check(&month, month_end(&month));
    assert_int_equal(store_open(other, &writer), 0);
    assert_int_equal(store_begin(writer), 0);
    assert_int_equal(store_open_read(path, &reader), 0);
    for (int i = 0; i < 2; i++)
        assert_int_equal(store_run_copy(writer, store_handle(reader), 1, &copy), 0);
    store_close(reader);
    assert_int_equal(store_run_delete(writer, 1), 0);
    assert_int_equal(store_commit(writer), 0);
    assert_int_equal(store_finish(writer), 0);
    store_close(writer);
    assert_string_equal(in_file(other, "SELECT run || ' ' || keep_ns FROM thinning"), "2 3600000000000");
    unlink(path);
    unlink(other);
}

/* ---- what people write --------------------------------------------------------------------------- */

static int64_t ns(const char *text)
{
    uint64_t value;
    return quantity_ns(text, &value) ? (int64_t)value : -1;
}

static void times_as_text(void **state)
{
    static const char *const none[] = {"",
                                       "x",
                                       "1x",
                                       "1h2",
                                       "30m2h",
                                       "1h1h",
                                       "-1h",
                                       "1 h",
                                       ".",
                                       "h",
                                       "1e3",
                                       "300000000000000d",
                                       "99999999999999999999999999"};
    (void)state;
    assert_int_equal(ns("7d"), 7 * DAY);
    assert_int_equal(ns("2h30m"), 9000 * SECOND);
    assert_int_equal(ns("2h30min"), 9000 * SECOND);
    assert_int_equal(ns("1.5"), 3 * SECOND / 2);
    assert_int_equal(ns("0.739"), 739000000);
    assert_int_equal(ns("0.123456789123456789123456789"), 123456789);
    assert_int_equal(ns(".5h"), HOUR / 2);
    assert_int_equal(ns("1m30s500ms"), 90 * SECOND + SECOND / 2);
    assert_int_equal(ns("0"), 0);
    for (size_t i = 0; i < sizeof none / sizeof none[0]; i++)
        assert_int_equal(ns(none[i]), -1);
}

static void sizes_as_text(void **state)
{
    (void)state;
    assert_int_equal(quantity_bytes("200MiB"), 200 << 20);
    assert_int_equal(quantity_bytes("1g"), 1 << 30);
    assert_int_equal(quantity_bytes("4096"), 4096);
    assert_int_equal(quantity_bytes("4096B"), 4096);
    assert_int_equal(quantity_bytes("x"), 0);
    assert_int_equal(quantity_bytes("5X"), 0);
    assert_int_equal(quantity_bytes("99999999999G"), 0);
    assert_int_equal(quantity_max_size("1MiB"), 1 << 20);
    assert_int_equal(quantity_max_size("1000k"), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_older_the_coarser),
        cmocka_unit_test(spans_fit),
        cmocka_unit_test(what_is_left_is_right),
        cmocka_unit_test(a_file_is_bounded),
        cmocka_unit_test(what_is_never_thinned_may_be_too_much),
        cmocka_unit_test(looks_at_pages),
        cmocka_unit_test(not_asked_for),
        cmocka_unit_test(copied_and_removed),
        cmocka_unit_test(times_as_text),
        cmocka_unit_test(sizes_as_text),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
