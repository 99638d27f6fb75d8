/* test_filter.c - which names, lines, processes and threads pass a filter, what of it becomes SQL, and how it is said. */
#define _GNU_SOURCE
#include "filter.h"
#include "kind.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "queried.h"

#include <sqlite3.h>
#include <string.h>

/* Two runs; threads are told apart in the first one. Process 2 has the PID that is the number of another. */
static void queried_rows(void)
{
    static const struct {
        int pid;
        const char *command, *executable;
    } processes[] = {{900, "server", "/usr/sbin/httpd"},
                     {3, "python3 job.py", "/usr/bin/python3.11"},
                     {901, "worker", "/opt/tools/worker"},
                     {901, "worker", "/opt/tools/worker"},
                     {902, "", ""}};
    static const char *const threads[] = {"main", "pool-1", "pool-2", ""};

    for (int64_t number = 1, run; number <= 2; number++) {
        const struct store_run totals = {.wall_ns = 1000000000, .by_thread = number == 1};

        check(store_run_add(writer, number == 1 ? "one" : "two", "server", "2026-01-01T00:00:00Z", "/src",
                            &run));
        assert_int_equal(run, number);
        for (int i = 0; i < 5 - (number == 2); i++) {
            const struct store_process process = {.id = i + 1,
                                                  .pid = processes[i].pid,
                                                  .command = processes[i].command,
                                                  .executable = processes[i].executable,
                                                  .ended_ns = 1};

            check(store_process(writer, &process));
            for (int t = 0; t < 4; t++)
                check(store_thread(writer, i + 1, t + 1, 7000 + 10 * (3 - i) + t, threads[t], 1, 1, 0));
        }
        check(store_run_totals(writer, &totals));
        check(store_run_state(writer, "complete"));
    }
}

static struct run one, two;

static int begin(void **state)
{
    unsetenv("LIBTRACE_SKIP_WRAPPERS");
    queried_begin(state);
    assert_int_equal(run_load(&report, 1, &one), EXIT_FINE);
    assert_int_equal(run_load(&report, 2, &two), EXIT_FINE);
    return 0;
}

static int end(void **state)
{
    run_free(&one);
    run_free(&two);
    return queried_end(state);
}

/* ---- names ----------------------------------------------------------------------------------- */

static void names(void **state)
{
    (void)state;
    assert_true(filter_matches("a", "a") && filter_matches("a*", "abc") && filter_matches("[x]", "[x]"));
    assert_true(filter_matches("[x]", "x") && !filter_matches("a", "abc") && !filter_matches("b", "abc"));
}

static void paths(void **state)
{
    (void)state;
    assert_true(filter_path_matches("a.c", "/src/lib/a.c") && filter_path_matches("*.c", "a.c"));
    assert_true(filter_path_matches("/src*", "/src/lib/a.c")); /* with a slash: all of it */
    assert_true(filter_path_matches("lib/a.c", "/src/lib/a.c") &&
                filter_path_matches("src/*", "/src/lib/a.c"));
    assert_true(filter_path_matches("/src/lib/a.c", "/src/lib/a.c"));
    assert_false(filter_path_matches("/lib/a.c", "/src/lib/a.c")); /* begins at the root */
    assert_false(filter_path_matches("b/a.c", "/src/lib/a.c"));
    assert_false(filter_path_matches("lib", "/src/lib/a.c"));
    assert_true(
        filter_path_matches("*lib*", "/src/lib/a.c")); /* without a slash, the whole path does as well */
    assert_false(filter_path_matches("lib/a.c", "a.c"));
}

static void functions(void **state)
{
    (void)state;
    assert_true(filter_function_matches("f", "f") && filter_function_matches("f", "f(int)"));
    assert_true(filter_function_matches("f(int)", "f(int)") &&
                filter_function_matches("std::*", "std::g(int)"));
    assert_false(filter_function_matches("f", "ff(int)"));
    assert_false(filter_function_matches("f", "f2"));
    assert_false(filter_function_matches("", "(anonymous namespace)::g")); /* which has no name before it */
}

/* ---- what is set ----------------------------------------------------------------------------- */

static const struct {
    struct filter filter;
    int set, names, stacks;
    const char *site, *charge;
} settings[] = {
    {{0}, 0, 0, 0, "1", "line"},
    {{.process = "p"}, 1, 0, 0, "libtrace_site_passes(run, process)", "line"},
    {{.thread = "p"}, 1, 0, 0, "libtrace_site_passes(run, process, thread)", "line"},
    {{.process = "p", .thread = "p"}, 1, 0, 0, "libtrace_site_passes(run, process, thread)", "line"},
    {{.module = "p"}, 1, 1, 0, "1", "line"},
    {{.file = "p"}, 1, 1, 0, "1", "line"},
    {{.language = "p"}, 1, 1, 0, "1", "line"},
    {{.function = "p"}, 1, 0, 1, "libtrace_site_passes(run, process, thread, node)", "line"},
    {{.below = "p"}, 1, 0, 1, "libtrace_site_passes(run, process, thread, node)", "line"},
    {{.type = "p", .process = "p"}, 1, 0, 1, "libtrace_site_passes(run, process, thread, node)", "line"},
    {{.skip_wrappers = "p"}, 0, 0, 1, "1", "libtrace_charge(run, node, line)"},
    {{.mine = 1}, 0, 0, 1, "1", "libtrace_charge(run, node, line)"},
};

static void what_is_set(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof settings / sizeof settings[0]; i++) {
        const struct filter *f = &settings[i].filter;

        assert_int_equal(filter_is_set(f), settings[i].set);
        assert_int_equal(filter_has_names(f), settings[i].names);
        assert_int_equal(filter_has_stacks(f), settings[i].stacks);
        assert_string_equal(filter_sql_line(f),
                            settings[i].names ? "libtrace_line_passes(file, module, language)" : "1");
        assert_string_equal(filter_sql_site(f), settings[i].site);
        assert_string_equal(filter_sql_charge(f), settings[i].charge);
    }
    assert_false(filter_is_set(NULL) || filter_has_names(NULL) || filter_has_stacks(NULL));
    assert_string_equal(filter_sql_line(NULL), "1");
    assert_string_equal(filter_sql_site(NULL), "1");
    assert_string_equal(filter_sql_charge(NULL), "line");
}

static void measure_of_a_part(void **state)
{
    const struct run whole = {0}, part = {.window = {.text = (char *)"loaded"}};
    const struct filter none = {0}, from = {.from = "a"}, to = {.to = "a"};

    (void)state;
    assert_int_equal(filter_measure(&none, &whole, -1, MEASURE_bytes), MEASURE_peak_bytes);
    assert_int_equal(filter_measure(&none, &part, -1, MEASURE_bytes), MEASURE_bytes);
    assert_int_equal(filter_measure(&from, &whole, -1, MEASURE_bytes), MEASURE_bytes);
    assert_int_equal(filter_measure(&to, &whole, -1, MEASURE_bytes), MEASURE_bytes);
    assert_int_equal(filter_measure(&to, &whole, MEASURE_allocations, MEASURE_bytes), MEASURE_allocations);
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void lines(void **state)
{
    const struct filter file = {.file = "a.c"}, module = {.module = "libz*"},
                        language = {.language = "pyth*"},
                        all = {.file = "a.c", .module = "libz*", .language = "native"};

    (void)state;
    assert_true(filter_line(NULL, "a.c", "m", "l") && filter_line(&(struct filter){0}, NULL, NULL, NULL));
    assert_true(filter_line(&file, "/x/a.c", NULL, NULL) && !filter_line(&file, "/x/b.c", "a.c", "a.c"));
    assert_true(filter_line(&module, NULL, "/lib/libz.so.1", NULL) &&
                !filter_line(&module, "libz", "/lib/y", ""));
    assert_true(filter_line(&language, NULL, NULL, "python") &&
                !filter_line(&language, "python", "python", "native"));
    assert_false(filter_line(&file, NULL, "a.c", "a.c") || filter_line(&module, "libz", NULL, "libz") ||
                 filter_line(&language, "python", "python", NULL));
    assert_true(filter_line(&all, "a.c", "libz.so", "native"));
    assert_false(filter_line(&all, "b.c", "libz.so", "native") ||
                 filter_line(&all, "a.c", "liby.so", "native") ||
                 filter_line(&all, "a.c", "libz.so", "python"));
}

/* ---- processes and threads ------------------------------------------------------------------- */

/* Those of both runs that pass, as "1:2 2:2" */
static const char *passing(struct filter *filter, int both)
{
    static char text[512];
    const struct run *const runs[] = {&one, &two};
    int n = 0;

    text[0] = '\0';
    assert_int_equal(filter_prepare_all(&report, filter, runs, both ? 2 : 1), EXIT_FINE);
    for (int run = 1; run <= 2; run++)
        for (int process = 0; process <= 6; process++)
            if (filter_process(filter, run, process))
                n += sprintf(text + n, "%s%d:%d", n > 0 ? " " : "", run, process);
    return text;
}

static void assert_processes(const char *process, const char *expected)
{
    struct filter filter = {.process = process};

    assert_string_equal(passing(&filter, 1), expected);
    filter_free(&filter);
    assert_null(filter.processes.list);
    assert_int_equal(filter.processes.count, 0);
}

static void processes(void **state)
{
    struct filter filter = {.process = "worker"};

    (void)state;
    assert_processes("3", "1:3 2:3"); /* a number, though it is a PID as well */
    assert_processes("901", "1:3 1:4 2:3 2:4");
    assert_processes("902", "1:5"); /* by PID in one of them, after none was found by number */
    assert_processes("server", "1:1 2:1");
    assert_processes("python3*", "1:2 2:2");
    assert_processes("httpd", "1:1 2:1");
    assert_processes("tools/*", "1:3 1:4 2:3 2:4");
    assert_processes("*", "1:1 1:2 1:3 1:4 1:5 2:1 2:2 2:3 2:4");
    assert_string_equal(passing(&filter, 0), "1:3 1:4");
    filter_free(&filter);
    assert_true(filter_process(NULL, 1, 9) && filter_process(&(struct filter){0}, 1, 9));
}

/* Runs are compared in any order. */
static void runs_in_another_order(void **state)
{
    struct filter filter = {.process = "*", .thread = NULL};
    const struct run *const runs[] = {&two, &one};

    (void)state;
    assert_int_equal(filter_prepare_all(&report, &filter, runs, 2), EXIT_FINE);
    for (int run = 1; run <= 2; run++)
        for (int process = 0; process <= 6; process++)
            assert_int_equal(filter_process(&filter, run, process),
                             process >= 1 && process <= (run == 1 ? 5 : 4));
    filter_free(&filter);
}

static void no_such_process(void **state)
{
    struct filter filter = {.process = "nobody"};
    const struct run *const runs[] = {&two, &one};

    (void)state;
    listen_to(2);
    int status = filter_prepare_all(&report, &filter, runs, 2);

    assert_string_equal(heard(),
                        "trace-report: run 2 has no process nobody that was traced; see: trace-report sql "
                        "'SELECT * FROM processes'\n");
    assert_int_equal(status, EXIT_FAILED);
    filter_free(&filter);
    filter = (struct filter){.thread = "nobody"};
    listen_to(2);
    status = filter_prepare(&report, &filter, &one, MEASURE_peak_bytes);
    assert_string_equal(heard(),
                        "trace-report: run 1 has no thread nobody that was traced; see: trace-report sql "
                        "'SELECT * FROM threads'\n");
    assert_int_equal(status, EXIT_FAILED);
    filter_free(&filter);
}

/* The sites of the first run that pass, as "process.thread"; of the second one none is there. */
static void assert_threads(struct filter filter, const char *expected)
{
    char text[512] = "";
    int n = 0;

    assert_int_equal(filter_prepare(&report, &filter, &one, MEASURE_peak_bytes), EXIT_FINE);
    for (int process = 0; process <= 6; process++)
        for (int thread = 0; thread <= 5; thread++)
            if (filter_site(&filter, 1, process, thread, 0))
                n += sprintf(text + n, "%s%d.%d", n > 0 ? " " : "", process, thread);
    assert_string_equal(text, expected);
    assert_false(filter_site(&filter, 2, 1, 1, 0));
    filter_free(&filter);
    assert_null(filter.threads.list);
    assert_int_equal(filter.threads.count, 0);
}

static void threads(void **state)
{
    struct filter filter = {.thread = "main"};

    (void)state;
    assert_threads((struct filter){.thread = "pool-1"}, "1.2 2.2 3.2 4.2 5.2");
    assert_threads((struct filter){.thread = "pool*", .process = "worker"}, "3.2 3.3 4.2 4.3");
    assert_threads((struct filter){.thread = "7013"}, "3.4"); /* a TID; the thread has no name */
    assert_threads((struct filter){.thread = "702?"}, "2.1 2.2 2.3 2.4");
    assert_true(filter_site(NULL, 1, 2, 3, 0));
    listen_to(2);
    int status = filter_prepare(&report, &filter, &two, MEASURE_peak_bytes);

    assert_non_null(strstr(heard(), "run 2 counts its threads together, line by line: --thread needs"));
    assert_int_equal(status, EXIT_FAILED);
    filter_free(&filter);
}

/* ---- in SQL ---------------------------------------------------------------------------------- */

static int64_t number(const char *sql)
{
    sqlite3_stmt *s;

    assert_int_equal(sqlite3_prepare_v2(report.sql, sql, -1, &s, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(s), SQLITE_ROW);
    int64_t found = sqlite3_column_type(s, 0) != SQLITE_NULL ? sqlite3_column_int64(s, 0) : -1;

    sqlite3_finalize(s);
    return found;
}

static void in_sql(void **state)
{
    struct filter filter = {
        .process = "server", .thread = "pool-1", .file = "a.c", .module = "m*", .language = "l"};

    (void)state;
    assert_int_equal(filter_prepare(&report, &filter, &one, MEASURE_peak_bytes), EXIT_FINE);
    assert_int_equal(number("SELECT libtrace_line_passes('/x/a.c', 'mod', 'l')"), 1);
    assert_int_equal(number("SELECT libtrace_line_passes('mod', '/x/a.c', 'l')"), 0);
    assert_int_equal(number("SELECT libtrace_line_passes(NULL, 'mod', 'l')"), 0);
    assert_int_equal(number("SELECT libtrace_site_passes(1, 1, 2)"), 1);
    assert_int_equal(number("SELECT libtrace_site_passes(1, 1, 2, 9)"), 1);
    assert_int_equal(number("SELECT libtrace_site_passes(1, 2, 2, 9)"), 0);
    assert_int_equal(number("SELECT libtrace_site_passes(1, 1, 3, 9)"), 0);
    assert_int_equal(number("SELECT libtrace_site_passes(2, 1, 2, 9)"), 0);
    assert_int_equal(number("SELECT libtrace_site_passes(1, 1)"), 0); /* no thread's */
    assert_int_equal(number("SELECT libtrace_charge(1, 2, 3)"), 3);
    assert_int_equal(number("SELECT libtrace_charge(1, 2, NULL)"), -1); /* names are not looked up yet */
    filter_free(&filter);
}

static void wrappers_of_the_environment(void **state)
{
    struct filter filter = {0}, given = {.skip_wrappers = "mine"};

    (void)state;
    setenv("LIBTRACE_SKIP_WRAPPERS", "xmalloc", 1);
    assert_int_equal(filter_begin(&report, &filter), EXIT_FINE);
    assert_string_equal(filter.skip_wrappers, "xmalloc");
    assert_int_equal(filter_begin(&report, &given), EXIT_FINE);
    assert_string_equal(given.skip_wrappers, "mine");
    filter.skip_wrappers = NULL;
    setenv("LIBTRACE_SKIP_WRAPPERS", "", 1);
    assert_int_equal(filter_begin(&report, &filter), EXIT_FINE);
    assert_null(filter.skip_wrappers);
    unsetenv("LIBTRACE_SKIP_WRAPPERS");
    assert_int_equal(filter_begin(&report, &filter), EXIT_FINE);
    assert_null(filter.skip_wrappers);
}

/* ---- parts of a run -------------------------------------------------------------------------- */

static const char *refused(struct filter *filter, struct run *run, enum measure by)
{
    listen_to(2);
    int status = filter_prepare(&report, filter, run, by);
    const char *why = heard();

    assert_int_equal(status, *why != '\0' ? EXIT_USAGE : EXIT_FINE);
    window_free(&run->window);
    filter_free(filter);
    return why;
}

static void measures_of_a_part(void **state)
{
    struct filter part = {.from = "0.5"}, whole = {0};

    (void)state;
    assert_string_equal(refused(&part, &one, MEASURE_bytes), "");
    assert_string_equal(refused(&part, &one, MEASURE_live_bytes), "");
    assert_string_equal(
        refused(&part, &one, MEASURE_own_peak_bytes),
        "trace-report: --by own-peak is known of a whole run only: between moments, take another "
        "measure.\n");
    assert_string_equal(refused(&whole, &one, MEASURE_own_peak_bytes), "");
    kind_shown = KIND_MAPPED;
    assert_non_null(
        strstr(refused(&part, &one, MEASURE_bytes), "parts of a run are not known: --kind mapped"));
    assert_string_equal(refused(&whole, &one, MEASURE_bytes), "");
    kind_shown = KIND_HEAP;
}

/* ---- how it is said -------------------------------------------------------------------------- */

static void assert_text(char *text, const char *expected)
{
    if (expected == NULL)
        assert_null(text);
    else
        assert_string_equal(text, expected);
    free(text);
}

static const struct filter everything = {.process = "a",
                                         .thread = "b",
                                         .module = "c",
                                         .file = "d",
                                         .function = "e\n",
                                         .language = "f",
                                         .below = "g",
                                         .type = "h",
                                         .skip_wrappers = "i",
                                         .mine = 1};

static void texts(void **state)
{
    const struct filter file = {.file = "*.c"}, wrappers = {.skip_wrappers = "x"};

    (void)state;
    assert_text(filter_text(NULL), NULL);
    assert_text(filter_text(&wrappers), NULL); /* nothing is left out */
    assert_text(filter_text(&file), "file *.c");
    assert_text(filter_text(&everything),
                "process a, thread b, module c, file d, function e\\n, language f, below g, "
                "type h");
    assert_text(filter_only(&file), "file *.c");
    assert_text(filter_only(NULL), NULL);
    kind_shown = KIND_MAPPED;
    assert_text(filter_only(&file), "what programs map by themselves, file *.c");
    assert_text(filter_only(NULL), "what programs map by themselves");
    kind_shown = KIND_HEAP;
}

static void ask_once(void)
{
    kind_shown ^= 1;
    free(filter_only(&everything));
    filter_function_matches("f", "f(int)");
    listen_to(1);
    filter_print(&report, &everything, NULL, NULL);
    heard();
}

static void texts_are_freed(void **state)
{
    (void)state;
    assert_int_equal(left_by(ask_once), 0);
    kind_shown = KIND_HEAP;
}

static void lines_for_people(void **state)
{
    const struct filter file = {.file = "*.c"};
    const struct run part = {.t = {.wall_ns = 2000000000},
                             .window = {.set = 1, .from = {WINDOW_START}, .to = {WINDOW_END}}};

    (void)state;
    listen_to(1);
    filter_print(&report, &file, NULL, NULL);
    assert_string_equal(heard(), "Only file *.c\n");
    listen_to(1);
    filter_print(&report, NULL, &part, NULL);
    assert_string_equal(heard(), "From the start to the end (2.00 s)\n");
    report.color = 1;
    listen_to(1);
    filter_print(&report, &file, &one, NULL);
    assert_string_equal(heard(), "\033[33mOnly file *.c\033[0m\n");
    report.color = 0;
}

static const char *as_json(const struct filter *filter, const struct run *run)
{
    struct json json;

    listen_to(1);
    json_begin(&json, stdout, "test");
    filter_json(&json, filter, run);
    json_end(&json);
    return heard();
}

static void objects_for_programs(void **state)
{
    static const char *const members[] = {
        "\"process\": \"a\"",       "\"thread\": \"b\"",   "\"module\": \"c\"", "\"file\": \"d\"",
        "\"function\": \"e",        "\"language\": \"f\"", "\"below\": \"g\"",  "\"type\": \"h\"",
        "\"skip_wrappers\": \"i\"", "\"mine\": true"};
    const struct run part = {.window = {.set = 1, .from = {WINDOW_START}, .to = {WINDOW_END}}};

    (void)state;
    for (size_t i = 0; i < sizeof members / sizeof members[0]; i++) {
        assert_non_null(strstr(as_json(&everything, NULL), members[i]));
        assert_null(strstr(as_json(&(struct filter){0}, NULL), members[i]));
    }
    assert_null(strstr(as_json(NULL, &one), "process"));
    assert_null(strstr(as_json(NULL, &one), "mine"));
    assert_null(strstr(as_json(NULL, &one), "part"));
    assert_non_null(strstr(as_json(NULL, &part), "\"part\""));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names),
        cmocka_unit_test(paths),
        cmocka_unit_test(functions),
        cmocka_unit_test(what_is_set),
        cmocka_unit_test(measure_of_a_part),
        cmocka_unit_test(lines),
        cmocka_unit_test(processes),
        cmocka_unit_test(runs_in_another_order),
        cmocka_unit_test(no_such_process),
        cmocka_unit_test(threads),
        cmocka_unit_test(in_sql),
        cmocka_unit_test(wrappers_of_the_environment),
        cmocka_unit_test(measures_of_a_part),
        cmocka_unit_test(texts),
        cmocka_unit_test(texts_are_freed),
        cmocka_unit_test(lines_for_people),
        cmocka_unit_test(objects_for_programs),
    };

    return cmocka_run_group_tests(tests, begin, end);
}
