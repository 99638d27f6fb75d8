/* test_sampling_rows.c - what is stored of a run of which a sample was taken: tables are made when first needed, rows
 * are replaced, copied and removed with their run, and nonsense is refused. */
#define _GNU_SOURCE
#include "store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "first_column.h"

#include <errno.h>
#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/test_sampling_rows.XXXXXX";
static char path[64], other[64];
static struct store *writer;

static const struct store_site_error error = {{3, 1, 0}, 0.5, 1e12, 2, 3, 0, 4e11};

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

static void check(int code)
{
    if (code != 0)
        print_error("%s\n", store_error(writer));
    assert_int_equal(code, 0);
}

static void begin(const char *file)
{
    int64_t run;

    check(store_open(file, &writer));
    check(store_begin(writer));
    check(store_run_add(writer, "a", "a", "2026-01-01T00:00:00Z", "/w", &run));
}

static void end(void)
{
    check(store_run_state(writer, "complete"));
    check(store_commit(writer));
    check(store_finish(writer));
    store_close(writer);
    writer = NULL;
}

static void sampling(int64_t samples, int64_t allocations, int64_t bytes)
{
    const struct store_sampling row = {524288, samples, allocations, bytes};

    check(store_sampling(writer, &row));
}

static const char count[] =
    "SELECT (SELECT count(*) FROM sampling) || ' ' || (SELECT count(*) FROM site_error)";
static const char tables[] =
    "SELECT name FROM sqlite_schema WHERE name IN ('sampling', 'site_error') ORDER BY 1";
static const char all[] =
    "SELECT run || ' ' || node || ' ' || process || ' ' || thread || ' ' || allocations || ' ' || bytes || "
    "' ' || live_allocations || ' ' || live_bytes || ' ' || peak_allocations || ' ' || peak_bytes "
    "FROM site_error";

/* ---- tests ----------------------------------------------------------------------------------- */

static void made_with_the_first_row(void **state)
{
    (void)state;
    begin(path);
    end();
    assert_string_equal(in_file(path, tables), "");
    assert_string_equal(in_report(path, count), "no such table: sampling");
    begin(path);
    sampling(1, -1, -1);
    end();
    assert_string_equal(in_file(path, tables), "sampling\nsite_error");
    assert_string_equal(in_report(path, count), "1 0");
    unlink(path);
    begin(path);
    check(store_site_error(writer, &error));
    end();
    assert_string_equal(in_report(path, count), "0 1");
    unlink(path);
}

static void later_rows_replace(void **state)
{
    struct store_site_error first = error;

    (void)state;
    first.bytes = 7;
    begin(path);
    sampling(1, -1, -1);
    check(store_site_error(writer, &first));
    check(store_site_error(writer, &error));
    sampling(20, -1, 3000);
    end();
    assert_string_equal(in_file(path, "SELECT run || ' ' || interval || ' ' || samples || ' ' || "
                                      "coalesce(allocations, 'none') || ' ' || bytes FROM sampling"),
                        "1 524288 20 none 3000");
    assert_string_equal(in_file(path, all), "1 3 1 0 0.5 1000000000000.0 2.0 3.0 0.0 400000000000.0");
    unlink(path);
}

/* If the transaction that makes the tables is rolled back, they have to be made again. */
static void made_anew_after_a_failure(void **state)
{
    int64_t run;

    (void)state;
    begin(path);
    sampling(1, -1, -1);
    check(store_site_error(writer, &error));
    check(store_rollback(writer));
    check(store_begin(writer));
    check(store_run_add(writer, "a", "a", "2026-01-01T00:00:00Z", "/w", &run));
    sampling(2, -1, -1);
    check(store_site_error(writer, &error));
    end();
    assert_string_equal(in_file(path, "SELECT samples FROM sampling"), "2");
    unlink(path);
}

/* A report had opened the file before the first row was written. */
static void made_while_it_is_read(void **state)
{
    struct store *reader;

    (void)state;
    begin(path);
    check(store_commit(writer));
    assert_int_equal(store_open_read(path, &reader), 0);
    assert_false(store_is_sampled(reader));
    check(store_begin(writer));
    sampling(1, -1, -1);
    check(store_site_error(writer, &error));
    check(store_commit(writer));
    assert_int_equal(store_sampling_show(reader), 0);
    assert_true(store_is_sampled(reader));
    assert_string_equal(rows_of(store_handle(reader), count), "1 1");
    assert_string_equal(rows_of(store_handle(reader), "SELECT count(bytes_error) FROM lines"), "0");
    assert_string_equal(rows_of(store_handle(reader), "SELECT samples FROM runs"), "1");
    store_close(reader);
    check(store_begin(writer));
    end();
    unlink(path);
}

static void no_variances(void **state)
{
    const double values[] = {-1, NAN, INFINITY, 2 * STORE_VARIANCE_MAX};
    struct store_sampling none = {0, 1, -1, -1};

    (void)state;
    begin(path);
    for (size_t i = 0; i < sizeof values / sizeof values[0]; i++) {
        struct store_site_error wrong = error;

        wrong.live_bytes = values[i];
        assert_int_equal(store_site_error(writer, &wrong), -EINVAL);
    }
    assert_int_equal(store_sampling(writer, &none), -EINVAL);
    end();
    assert_string_equal(in_file(path, count), "0 0");
    unlink(path);
}

/* A view in the place of a table could do anything. */
static void of_a_stranger(void **state)
{
    struct store *reader;

    (void)state;
    begin(path);
    end();
    in_file(path, "CREATE VIEW sampling AS SELECT 1 AS run, 1 AS interval, 1 AS samples");
    in_file(path, "CREATE TABLE site_error(run)");
    assert_int_equal(store_open_read(path, &reader), 0);
    assert_false(store_is_sampled(reader));
    assert_string_equal(rows_of(store_handle(reader), "SELECT samples FROM runs"), "(null)");
    store_close(reader);
    unlink(path);
}

/* Two stacks of one line in the first process, one of them in the second, too; with the names that a run needs. */
static void with_sites(int sampled)
{
    const struct store_process process = {
        .id = 1, .pid = 7, .parent_pid = 6, .command = "a", .executable = "/a", .ended_ns = -1};
    const struct store_site_error one = {{1, 1, 0}, 9, 1600, 4, 100, 1, 0},
                                  two = {{2, 1, 0}, 16, 900, 0, 0, 0, 9},
                                  far = {{2, 2, 0}, 0, 11, 0, 0, 0, 0};

    begin(path);
    check(store_process(writer, &process));
    check(store_line(writer, 1, "/w/a.c", 10, "f", "/a", "native", 0));
    check(store_frame(writer, 1, 0, 16));
    check(store_frame_line(writer, 1, 0, 1));
    for (int64_t node = 1; node <= 2; node++)
        check(store_node(writer, node, node - 1, 1));
    for (int i = 0; i < 3; i++) {
        const struct store_site site = {.key = i == 0   ? one.key
                                               : i == 1 ? two.key
                                                        : far.key,
                                        .line = 1,
                                        .leaf = 1,
                                        .m = {.allocations = 10, .bytes = 1000, .live_bytes = 300}};

        check(store_site(writer, &site));
    }
    if (sampled) {
        sampling(77, 1000, 3000);
        check(store_site_error(writer, &one));
        check(store_site_error(writer, &two));
        check(store_site_error(writer, &far));
    }
    check(store_line_totals(writer));
    end();
}

static const char of_lines[] =
    "SELECT run || ' ' || bytes || ' ' || allocations_error || ' ' || round(bytes_error, 3) "
    "FROM lines ORDER BY run",
                  of_stacks[] =
                      "SELECT run || ' ' || bytes || ' ' || round(bytes_error, 3) || ' ' || live_bytes_error "
                      "FROM stacks ORDER BY run, stack",
                  of_runs[] = "SELECT run || ' ' || coalesce(sample_interval || ' ' || samples || ' ' || "
                              "exact_allocations || ' ' || exact_bytes, 'exact') FROM runs";

/* The views of a file have errors; those of exact runs in it are 0. */
static void views_have_errors(void **state)
{
    (void)state;
    with_sites(0);
    assert_string_equal(in_file(path, of_lines), "1 3000 0.0 0.0");
    assert_string_equal(in_report(path, of_lines), "1 3000 0.0 0.0");
    assert_string_equal(in_file(path, of_runs), "1 exact");
    with_sites(1);
    for (int ours = 0; ours < 2; ours++) {
        const char *(*in)(const char *, const char *) = ours ? in_report : in_file;

        assert_string_equal(in(path, of_lines), "1 3000 0.0 0.0\n2 3000 5.0 50.11");
        assert_string_equal(in(path, of_stacks),
                            "1 1000 0.0 0.0\n1 2000 0.0 0.0\n2 1000 40.0 10.0\n2 2000 30.183 0.0");
        assert_string_equal(in(path, "SELECT round(bytes_error, 3) FROM functions ORDER BY run"),
                            "0.0\n50.11");
        assert_string_equal(in(path, "SELECT live_bytes_error FROM sites ORDER BY run, stack"),
                            "0.0\n0.0\n0.0\n10.0\n0.0\n0.0");
        assert_string_equal(in(path, of_runs), "1 exact\n2 524288 77 1000 3000");
    }
    assert_string_equal(in_report(path, "SELECT round(bytes_error, 3) FROM types ORDER BY run"),
                        "0.0\n50.11");
    unlink(path);
}

/* Types are told of a file that has sampled runs already, and the other way round. */
static void types_have_errors(void **state)
{
    static const char of_types[] =
        "SELECT coalesce(type, '-') || ' ' || round(bytes_error, 3) FROM types ORDER BY type";

    (void)state;
    for (int types_first = 0; types_first < 2; types_first++) {
        if (types_first) {
            begin(path);
            check(store_stack_type(writer, 9, "other", STORE_TYPE_EXACT));
            end();
        }
        with_sites(1);
        check(store_open(path, &writer));
        check(store_begin(writer));
        int64_t run;

        check(store_run_add(writer, "a", "a", "2026-01-01T00:00:00Z", "/w", &run));
        check(store_stack_type(writer, 1, "other", STORE_TYPE_EXACT));
        end();
        in_file(path, types_first ? "INSERT INTO stack_type VALUES (2, 1, 'A', 2), (2, 2, 'B', 2)"
                                  : "INSERT INTO stack_type VALUES (1, 1, 'A', 2), (1, 2, 'B', 2)");
        assert_string_equal(in_file(path, of_types), "A 40.0\nB 30.183");
        assert_string_equal(in_report(path, of_types), "A 40.0\nB 30.183");
        unlink(path);
    }
}

/* A file of an earlier build has views without errors. */
static void views_of_an_earlier_build(void **state)
{
    (void)state;
    with_sites(0);
    in_file(path, "DROP VIEW lines");
    in_file(path, "CREATE VIEW lines AS SELECT run, bytes FROM line_total");
    with_sites(0);
    assert_string_equal(in_file(path, of_lines), "no such column: allocations_error");
    assert_string_equal(in_report(path, of_lines), "1 3000 0.0 0.0\n2 3000 0.0 0.0");
    with_sites(1);
    assert_string_equal(in_file(path, of_lines), "1 3000 0.0 0.0\n2 3000 0.0 0.0\n3 3000 5.0 50.11");
    unlink(path);
}

static void copy(const char *from, int64_t expected)
{
    struct store *reader;
    int64_t number;

    check(store_begin(writer));
    assert_int_equal(store_open_read(from, &reader), 0);
    check(store_run_copy(writer, store_handle(reader), 1, &number));
    store_close(reader);
    assert_int_equal(number, expected);
    check(store_commit(writer));
}

static void copied_and_removed(void **state)
{
    (void)state;
    begin(other); /* exact */
    end();
    begin(path);
    sampling(20, 1000, 3000);
    check(store_site_error(writer, &error));
    end();
    check(store_open(other, &writer));
    copy(other, 2);
    assert_string_equal(in_file(other, tables), "");
    copy(path, 3);
    assert_string_equal(in_file(other, "SELECT run || ' ' || samples || ' ' || bytes FROM sampling"),
                        "3 20 3000");
    assert_string_equal(in_file(other, all), "3 3 1 0 0.5 1000000000000.0 2.0 3.0 0.0 400000000000.0");
    check(store_begin(writer));
    for (int64_t run = 1; run <= 3; run++)
        check(store_run_delete(writer, run));
    check(store_commit(writer));
    check(store_finish(writer));
    store_close(writer);
    assert_string_equal(in_file(other, count), "0 0");
    unlink(path);
    unlink(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_with_the_first_row),
        cmocka_unit_test(later_rows_replace),
        cmocka_unit_test(made_anew_after_a_failure),
        cmocka_unit_test(made_while_it_is_read),
        cmocka_unit_test(no_variances),
        cmocka_unit_test(of_a_stranger),
        cmocka_unit_test(views_have_errors),
        cmocka_unit_test(types_have_errors),
        cmocka_unit_test(views_of_an_earlier_build),
        cmocka_unit_test(copied_and_removed),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
