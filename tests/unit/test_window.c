/* test_window.c - parts of a run's time: which moments are meant, what is not known of them, and how it is said. */
#define _GNU_SOURCE
#include "window.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "window_runs.h"

#include <sqlite3.h>

/* ---- which moment ---------------------------------------------------------------------------- */

/* The sentence with which it is refused, without its beginning and the newline. */
static const char *refused(int run, const char *from, const char *to, int exact)
{
    struct run *r = fresh(run);

    filter.from = from;
    filter.to = to;
    listen_to(2);
    int status = exact ? window_resolve_exact(&report, r, &filter) : window_resolve(&report, r, &filter);
    char *text = heard();

    assert_int_equal(status, *text != '\0' ? EXIT_FAILED : EXIT_FINE);
    text[strcspn(text, "\n")] = '\0';
    return strncmp(text, "trace-report: ", 14) == 0 ? text + 14 : text;
}

static void assert_moment(const struct moment *moment, const char *mark, double t, double wanted,
                          double shown)
{
    if (mark != NULL)
        assert_string_equal(moment->mark, mark);
    else
        assert_null(moment->mark);
    assert_int_equal(moment->t_ns, t < 0 ? WINDOW_START : isinf(t) ? WINDOW_END : NS(t));
    if (mark == NULL) {
        assert_int_equal(moment->wanted_ns, NS(wanted));
        assert_int_equal(moment->shown_ns, NS(shown));
    }
}

static void assert_to(const char *to, const char *mark, double t, double wanted, double shown)
{
    choose(MARKED, NULL, to);
    assert_int_equal(runs[MARKED].window.from.t_ns, WINDOW_START);
    assert_moment(&runs[MARKED].window.to, mark, t, wanted, shown);
}

static void times(void **state)
{
    (void)state;
    assert_to("1.5", NULL, 1, 1.5, 1); /* the last look before it */
    assert_to("1", NULL, 1, 1, 1);
    assert_to("2.2", NULL, 2, 2.2, 2.2); /* nothing happened until 2.5 */
    assert_to("2.5", NULL, 2, 2.5, 2.5);
    assert_to("2.7", NULL, 2, 2.7, 2.5);
    assert_to("0.5", NULL, -1, 0.5, 0);
    assert_to("9.5", NULL, 8, 9.5, 8);
    assert_to("-1.5", NULL, 8, 8.5, 8);
    assert_to("-1h", NULL, -1, 0, 0);
    assert_to("10", NULL, INFINITY, 10, 10);
    assert_to("1h", NULL, INFINITY, 3600, 3600);
    filter.from = NULL;
    filter.to = "2.7";
    assert_int_equal(window_resolve_exact(&report, fresh(MARKED), &filter), EXIT_FINE);
    assert_moment(&runs[MARKED].window.to, NULL, 2.7, 2.7, 2.7);
    assert_string_equal(window_sites(&runs[MARKED]), "(SELECT * FROM site WHERE allocations > 0)");
}

static void marks(void **state)
{
    (void)state;
    assert_to("loaded", "loaded", 1, 0, 0);
    assert_to("tick", "tick", 2, 0, 0);
    assert_to("tick#1", "tick#1", 2, 0, 0);
    assert_to("tick#2", "tick#2", 3, 0, 0);
    assert_to("tick#9", "tick#9", 6, 0, 0); /* a name of its own */
    choose(MARKED, "tick", "tick");         /* the first one after --from */
    assert_moment(&runs[MARKED].window.from, "tick", 2, 0, 0);
    assert_moment(&runs[MARKED].window.to, "tick", 3, 0, 0);
    filter.process = "first";
    const struct run *const run[] = {fresh(MARKED)};
    assert_int_equal(filter_prepare_all(&report, &filter, run, 1), EXIT_FINE);
    assert_to("tick", "tick", 3, 0, 0); /* this process's */
    filter_free(&filter);
    filter.process = "second";
    assert_int_equal(filter_prepare_all(&report, &filter, run, 1), EXIT_FINE);
    assert_to("loaded", "loaded", 1, 0, 0); /* it has none: another's */
    filter_free(&filter);
    filter.process = NULL;
}

static void unsampled_marks(void **state)
{
    struct run *run;

    (void)state;
    assert_non_null(strstr(refused(MARKED, NULL, "tick#3", 0),
                           "of mark 'tick#3' in run 1 is not known what sites had counted"));
    assert_string_equal(refused(MARKED, NULL, "tick#3", 1), "");
    assert_moment(&runs[MARKED].window.to, "tick#3", 4, 0, 0);
    run = fresh(MARKED);
    run->thinned.set = 1; /* the last look before it, then */
    filter.to = "tick#3";
    assert_int_equal(window_resolve(&report, run, &filter), EXIT_FINE);
    assert_moment(&run->window.to, NULL, 3, 4, 3);
}

static void no_such_mark(void **state)
{
    (void)state;
    assert_string_equal(refused(MARKED, NULL, "laoded", 0),
                        "run 1 has no mark 'laoded'; did you mean 'loaded'?");
    assert_string_equal(refused(MARKED, "zzzzzzzz", NULL, 0),
                        "run 1 has no mark 'zzzzzzzz'; its marks: loaded, tick, a..b, tick#9 (or a time: 90, "
                        "2h30m, or -1h for "
                        "the last hour)");
    assert_string_equal(refused(MARKED, NULL, "zzzzz#2", 1),
                        "run 1 has no mark 'zzzzz#2'; its marks: loaded, tick, a..b, tick#9 (or a time: 90, "
                        "2h30m, or -1h for "
                        "the last hour)");
    assert_non_null(strstr(refused(MARKED, NULL, "tick#0", 0), "no mark 'tick#0'; did you mean 'tick"));
    assert_non_null(strstr(refused(MARKED, NULL, "loaded#2", 0), "no mark 'loaded#2'"));
    assert_non_null(strstr(refused(TWELVE, NULL, "zzzzz", 0),
                           "its marks: m01, m02, m03, m04, m05, m06, m07, m08, m09, m10, m11, m12 (or"));
    assert_non_null(
        strstr(refused(ENDED, NULL, "loaded", 0), "run 2 has no mark 'loaded', nor any other: trace_mark"));
}

static void in_order(void **state)
{
    (void)state;
    assert_string_equal(refused(MARKED, "tick", "loaded", 0), "in run 1, 'loaded' comes before 'tick'");
    assert_string_equal(refused(MARKED, "5.5", "3.5", 0), "in run 1, '3.5' comes before '5.5'");
    assert_string_equal(refused(MARKED, "10", NULL, 0), "run 1 was over by then: nothing comes after '10'");
    assert_string_equal(refused(MARKED, "1h", "2h", 0), "run 1 was over by then: nothing comes after '1h'");
    assert_string_equal(refused(MARKED, "loaded", "loaded", 0),
                        ""); /* nothing is in between, which is known */
}

static void what_is_not_known(void **state)
{
    struct run *run;

    (void)state;
    assert_string_equal(
        refused(MARKED, "3.2", "4.8", 0),
        "what run 1 did between 3.20 s and 4.80 s is not known: its lines were looked at at 3.00 s, and then "
        "at 5.00 s. Name these moments, or marks (trace.h)");
    assert_non_null(strstr(refused(MARKED, "0.2", "0.8", 0), "looked at at its start, and then at 1.00 s."));
    assert_non_null(strstr(refused(MARKED, "8.2", "9.8", 0), "looked at at 8.00 s, and then at 10.0 s."));
    assert_non_null(strstr(refused(MARKED, "2.1", "2.6", 0), "looked at at 2.50 s, and then at 3.00 s."));
    assert_string_equal(refused(MARKED, "2.1", "2.3", 0), ""); /* nothing happened */
    assert_string_equal(refused(MARKED, "3.2", "3.2", 0), "");
    assert_string_equal(refused(MARKED, "3.2", "5", 0), "");
    assert_string_equal(refused(MARKED, "tick#2", "4.8", 0), ""); /* of a mark it is known */
    assert_string_equal(refused(MARKED, NULL, "0.5", 0), "");
    for (int thinned = 3; thinned <= 4; thinned++) {
        run = fresh(MARKED);
        run->thinned.coarse_ns = NS(thinned);
        filter.from = "3.2";
        filter.to = "4.8";
        listen_to(2);
        assert_int_equal(window_resolve(&report, run, &filter), EXIT_FAILED);
        assert_int_equal(
            strstr(heard(), "at 5.00 s (what was in between was thinned: --keep, --max-size). Name") != NULL,
            thinned == 4);
    }
}

static struct run part_of(int number, const char *from, const char *to)
{
    struct run run;

    choose(number, from, to);
    run = runs[number];
    runs[number] = (struct run){0};
    return run;
}

/* Whether two parts that are compared may look the same only as nothing is known of what is between their ends. */
static int differ(struct run a, struct run b)
{
    listen_to(2);
    int there = window_differs(&report, &a, &b), back = window_differs(&report, &b, &a);
    const char *said = heard();

    assert_int_equal(there, back);
    assert_int_equal(strstr(said, "what run 1 did between 3.20 s and 4.80 s is not known") != NULL,
                     there == EXIT_FAILED);
    run_free(&a);
    run_free(&b);
    return there;
}

static void compared_parts(void **state)
{
    (void)state;
    assert_int_equal(differ(part_of(MARKED, NULL, "3.2"), part_of(MARKED, NULL, "4.8")), EXIT_FAILED);
    assert_int_equal(differ(part_of(MARKED, "1", "3.2"), part_of(MARKED, "1", "4.8")), EXIT_FAILED);
    assert_int_equal(differ(part_of(MARKED, "1", "3.2"), part_of(MARKED, "2", "4.8")), EXIT_FINE);
    assert_int_equal(differ(part_of(MARKED, NULL, "3.2"), part_of(MARKED, NULL, "5")), EXIT_FINE);
    assert_int_equal(differ(part_of(MARKED, NULL, "3.2"), part_of(MARKED, NULL, "3.2")), EXIT_FINE);
    assert_int_equal(differ(part_of(ENDED, NULL, "1.2"), part_of(LATE, NULL, "1.8")), EXIT_FINE);
    assert_int_equal(differ(part_of(MARKED, NULL, "1h"), part_of(MARKED, NULL, "2h")), EXIT_FINE);
    struct run whole = part_of(MARKED, NULL, "3.2");
    whole.window.set = 0;
    assert_int_equal(differ(whole, part_of(MARKED, NULL, "4.8")), EXIT_FINE);
}

/* In the place of a table is something else. */
static const char *without(const char *table, const char *to, int expected)
{
    struct run *run = fresh(MARKED);
    char sql[128];

    snprintf(sql, sizeof sql, "CREATE TEMP VIEW %s AS SELECT 1 AS other", table);
    assert_int_equal(sqlite3_exec(report.sql, sql, NULL, NULL, NULL), SQLITE_OK);
    filter.from = NULL;
    filter.to = to;
    listen_to(2);
    int status = window_resolve(&report, run, &filter);
    const char *said = heard();

    snprintf(sql, sizeof sql, "DROP VIEW temp.%s", table);
    assert_int_equal(sqlite3_exec(report.sql, sql, NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(status, expected);
    assert_non_null(strstr(said, "no such column"));
    assert_true(report_has_failed());
    return said;
}

static void damaged_files(void **state)
{
    (void)state;
    assert_non_null(strstr(without("mark", "loaded", EXIT_FAILED), "has no mark 'loaded', nor any other"));
    without("moment", "1.5", EXIT_FINE);
    assert_int_equal(runs[MARKED].window.to.t_ns, WINDOW_START);
    without("site_sample", "1.5", EXIT_FAILED);
}

/* ---- what people write ----------------------------------------------------------------------- */

static void assert_time(const char *text, double expected)
{
    double seconds = -77;

    if (!window_time(text, &seconds))
        seconds = NAN;
    assert_true(isnan(expected) ? isnan(seconds)
                                : seconds == expected && signbit(seconds) == signbit(expected));
}

static void texts_of_times(void **state)
{
    static const char *const wrong[] = {"",    "-",    "x",   "1x",    "--1",   "-1x", "nan",
                                        "inf", "-1e3", "9e9", "1e400", "1e3 s", "1h2"};
    const struct run run = {.t = {.wall_ns = NS(10)}};

    (void)state;
    assert_time("90", 90);
    assert_time("1.5", 1.5);
    assert_time("2h30m", 9000);
    assert_time("-1h", -3600);
    assert_time("0", 0);
    assert_time("-0", -0.0);
    assert_time("1e3", 1000);
    assert_time("1e3s", 1000);
    assert_time("0e1", 0);
    assert_time("8.9e9", 8.9e9);
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
        assert_time(wrong[i], NAN);
    assert_int_equal(window_since_start(&run, 1.5), NS(1.5));
    assert_int_equal(window_since_start(&run, 0), 0);
    assert_int_equal(window_since_start(&run, -0.0), NS(10));
    assert_int_equal(window_since_start(&run, -1.5), NS(8.5));
    assert_int_equal(window_since_start(&run, -10), 0);
    assert_int_equal(window_since_start(&run, -11), 0);
}

/* What follows RUN@. */
static void assert_split(const char *text, double from, double to)
{
    struct run *run = fresh(MARKED);

    filter.from = filter.to = "ignored";
    run->window.text = strdup(text);
    assert_int_equal(window_resolve(&report, run, &filter), EXIT_FINE);
    assert_int_equal(run->window.from.t_ns, from < 0 ? WINDOW_START : NS(from));
    assert_int_equal(run->window.to.t_ns, isinf(to) ? WINDOW_END : NS(to));
    /* It is resolved once. */
    assert_int_equal(window_resolve(&report, run, &filter), EXIT_FINE);
}

static void texts_of_parts(void **state)
{
    (void)state;
    assert_split("loaded", -1, 1);
    assert_split("loaded..tick", 1, 2);
    assert_split("loaded..", 1, INFINITY);
    assert_split("..tick", -1, 2);
    assert_split("a..b", -1, 5); /* the name of a mark */
    assert_split("1.2..3", 1, 3);
    filter.from = filter.to = NULL;
    assert_int_equal(window_resolve(&report, fresh(MARKED), &filter), EXIT_FINE);
    assert_false(runs[MARKED].window.set); /* the whole */
}

static void assert_name(const char *text, const char *expected)
{
    struct run *run = fresh(MARKED);

    run->window.text = text != NULL ? strdup(text) : NULL;
    filter.from = filter.to = NULL;
    assert_int_equal(window_resolve(&report, run, &filter), EXIT_FINE);
    char *name = window_name(run, "list");

    assert_string_equal(name, expected);
    free(name);
}

static void names(void **state)
{
    (void)state;
    assert_name(NULL, "list");
    assert_name("loaded", "list@loaded");
    assert_name("2.7", "list@2.7 (at 2.50 s)");
    assert_name("2.3", "list@2.3");
    assert_name("0.5", "list@0.5 (at 0 s)");
    assert_name("1h", "list@1h");
    assert_name("2.7..", "list@2.7..");
}

/* ---- how it is said -------------------------------------------------------------------------- */

static const char *printed(const char *from, const char *to, const struct store_measures *sums)
{
    choose(MARKED, from, to);
    listen_to(1);
    window_print(&report, &runs[MARKED], sums);
    return heard();
}

static void lines_for_people(void **state)
{
    const struct store_measures one = {.allocations = 1, .bytes = 10},
                                some = {.allocations = 2000, .live_bytes = 2048};

    (void)state;
    assert_string_equal(printed("1.5", "2.2", NULL), "From 1.00 s (the last look before 1.50 s) to 2.20 s\n");
    assert_string_equal(printed("1", NULL, NULL), "From 1.00 s to the end (10.0 s)\n");
    assert_string_equal(
        printed("0.5", "2.2", &one),
        "From the start (the last look before 500 ms) to 2.20 s: 1 allocation, 10 B; live as before\n");
    assert_string_equal(
        printed("loaded", "tick", &some),
        "From loaded (1.00 s) to tick (2.00 s): 2,000 allocations, 0 B; live +2.00 KiB; the heap 4.88 KiB at "
        "most\n");
    runs[MARKED].state = RUN_RECORDING;
    runs[MARKED].window.to.t_ns = WINDOW_END;
    listen_to(1);
    window_print(&report, &runs[MARKED], NULL);
    assert_non_null(strstr(heard(), "to tick (10.0 s)"));
    choose(MARKED, NULL, "10");
    runs[MARKED].state = RUN_RECORDING;
    listen_to(1);
    window_print(&report, &runs[MARKED], NULL);
    assert_string_equal(heard(), "From the start to now (10.0 s); the heap 5.86 KiB at most\n");
    listen_to(1);
    window_print(&report, fresh(MARKED), NULL);
    assert_string_equal(heard(), "");
    report.color = 1;
    assert_string_equal(printed("1", NULL, NULL), "\033[33mFrom 1.00 s to the end (10.0 s)\n\033[0m");
    report.color = 0;
    report.width = 30;
    assert_string_equal(printed("1", "2", NULL), "From 1.00 s to 2.00 s\n");
    assert_string_equal(printed("1.5", "2", NULL),
                        "From 1.00 s (the last look\n  before 1.50 s) to 2.00 s\n");
    report.width = 0;
}

static const char *as_json(const char *from, const char *to)
{
    static char text[1024];
    struct json json;
    size_t n = 0;

    choose(MARKED, from, to);
    listen_to(1);
    json_begin(&json, stdout, "test");
    window_json(&json, &runs[MARKED]);
    json_end(&json);
    for (const char *p = strstr(heard(), "\"part\""); p != NULL && *p != '\0' && n < sizeof text - 1; p++)
        if (strchr(" \n", *p) == NULL)
            text[n++] = *p;
    text[n] = '\0';
    return text;
}

static void objects_for_programs(void **state)
{
    struct json json;

    (void)state;
    assert_string_equal(
        as_json("loaded", "tick"),
        "\"part\":{\"from\":{\"mark\":\"loaded\",\"t_s\":1},\"to\":{\"mark\":\"tick\",\"t_s\":2},"
        "\"peak_allocations\":50,\"peak_bytes\":5000}}");
    assert_string_equal(as_json("0.5", "2.7"),
                        "\"part\":{\"from\":{\"mark\":null,\"t_s\":0},\"to\":{\"mark\":null,\"t_s\":2.5},"
                        "\"peak_allocations\":null,\"peak_bytes\":null}}");
    assert_string_equal(as_json("1", NULL),
                        "\"part\":{\"from\":{\"mark\":null,\"t_s\":1},\"to\":{\"mark\":null,\"t_s\":10},"
                        "\"peak_allocations\":null,\"peak_bytes\":null}}");
    listen_to(1);
    json_begin(&json, stdout, "test");
    window_json(&json, fresh(MARKED));
    json_end(&json);
    assert_null(strstr(heard(), "part"));
}

/* Not of sites, whose tables stay as long as the database is open. */
static void ask_once(void)
{
    struct run *run = fresh(MARKED);

    run->window.text = strdup("loaded..tick#2");
    for (int i = 0; i < 2; i++)
        assert_int_equal(window_resolve_exact(&report, run, &filter), EXIT_FINE);
    listen_to(1);
    window_print(&report, run, NULL);
    heard();
    free(window_name(run, "a"));
    refused(MARKED, "2", "laoded", 1);
    refused(MARKED, NULL, "zzzzzz", 1);
    run_free(run);
}

static void all_is_freed(void **state)
{
    (void)state;
    assert_int_equal(left_by(ask_once), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times),
        cmocka_unit_test(marks),
        cmocka_unit_test(unsampled_marks),
        cmocka_unit_test(no_such_mark),
        cmocka_unit_test(in_order),
        cmocka_unit_test(what_is_not_known),
        cmocka_unit_test(compared_parts),
        cmocka_unit_test(damaged_files),
        cmocka_unit_test(texts_of_times),
        cmocka_unit_test(texts_of_parts),
        cmocka_unit_test(names),
        cmocka_unit_test(lines_for_people),
        cmocka_unit_test(objects_for_programs),
        cmocka_unit_test(all_is_freed),
    };

    return cmocka_run_group_tests(tests, queried_begin, runs_end);
}
