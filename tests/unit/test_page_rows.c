/* test_page_rows.c - resident bytes by part: tables are made when first needed, files without them can be
 * read, and the parts add up. */
#define _GNU_SOURCE
#include "store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "first_column.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char folder[] = "/tmp/test_page_rows.XXXXXX";
static char path[64], other[64];
static struct store *writer;

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

static int64_t begin(const char *file)
{
    const struct store_process process = {
        .id = 1, .pid = 7, .parent_pid = 6, .command = "a", .executable = "/a", .ended_ns = -1};
    int64_t run;

    check(store_open(file, &writer));
    check(store_begin(writer));
    check(store_run_add(writer, "a", "a", "2026-01-01T00:00:00Z", "/w", &run));
    check(store_process(writer, &process));
    check(store_frame(writer, 1, 0, 16));
    check(store_node(writer, 1, 0, 1));
    return run;
}

static void end(void)
{
    check(store_run_state(writer, "complete"));
    check(store_commit(writer));
    check(store_finish(writer));
    store_close(writer);
    writer = NULL;
}

static void moment(int64_t id, int kind, int64_t resident)
{
    const struct store_page_moment m = {
        .id = id, .process = 1, .t_ns = id * 1000000, .kind = kind, .resident = resident, .pss = -1};

    check(store_page_moment(writer, &m));
}

static void row(int64_t moment, int part, int64_t node, const char *name, int64_t bytes, int64_t blocks)
{
    const struct store_page_row r = {.moment = moment,
                                     .process = 1,
                                     .part = part,
                                     .node = node,
                                     .name = name,
                                     .bytes = bytes,
                                     .blocks = blocks};

    check(store_page_row(writer, &r));
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

/* A site of a mapping, with one stack. */
static void mapped(int64_t node, int64_t line, int64_t bytes)
{
    const struct store_site site = {.key = {.node = node, .process = 1},
                                    .line = line,
                                    .m = {.allocations = 1, .bytes = bytes, .live_bytes = bytes}},
                            *left = &site;

    check(store_mapped_sites(writer, only_one, &left));
}

static const char objects[] = "SELECT name FROM sqlite_schema WHERE name LIKE 'page%' OR name LIKE 'mapped%' "
                              "OR name = 'resident' ORDER BY name";

/* ---- tests ----------------------------------------------------------------------------------- */

static void made_with_the_first_moment(void **state)
{
    (void)state;
    begin(path);
    end();
    assert_string_equal(in_file(path, objects), "");
    assert_string_equal(in_report(path, "SELECT count(*) FROM resident"), "0");
    begin(path);
    moment(1, STORE_PAGES_END, 0);
    end();
    assert_string_equal(in_file(path, objects), "mapped\nmapped_site\npage_moment\npage_row\nresident");
    unlink(path);
}

static void parts_add_up(void **state)
{
    (void)state;
    begin(path);
    moment(1, STORE_PAGES_END, 10000);
    for (int part = 0; part < PAGES_PARTS; part++)
        row(1, part, part < PAGES_FREE, part < PAGES_FREE ? "" : "a name", 1000 + part, 1);
    row(1, PAGES_OTHER, 0, "b", 400, 0);
    row(1, PAGES_OTHER, 0, "b", 564, 0); /* the same once more */
    row(1, STORE_PAGES_UNTOUCHED, 1, "", 5, 1);
    end();
    assert_string_equal(in_file(path, "SELECT sum(bytes) FROM resident WHERE part <> 'untouched'"), "10000");
    assert_string_equal(
        in_file(path, "SELECT part || ' ' || bytes FROM resident ORDER BY bytes"),
        "untouched 5\nother 964\nlive 1000\nrounding 1001\npinned 1002\nfree 1003\nmapped 1004\n"
        "stacks 1005\nfiles 1006\ntracer 1007\nother 1008");
    assert_string_equal(
        in_report(path, "SELECT part || coalesce(function, name) FROM resident WHERE bytes = 1002 OR "
                        "bytes = 1006 ORDER BY 1"),
        "filesa name\npinned0x10");
    unlink(path);
}

static void forgets_one_moment(void **state)
{
    (void)state;
    for (int run = 1; run <= 2; run++) {
        begin(path);
        check(store_page_forget(writer, 1)); /* there is none */
        moment(1, STORE_PAGES_HIGH, 5);
        row(1, PAGES_LIVE, 1, "", 5, 1);
        moment(2, STORE_PAGES_HIGH, 6);
        row(2, PAGES_LIVE, 1, "", 6, 1);
        if (run == 2)
            check(store_page_forget(writer, 1));
        end();
    }
    assert_string_equal(in_file(path, "SELECT run || ' ' || id FROM page_moment ORDER BY 1"),
                        "1 1\n1 2\n2 2");
    assert_string_equal(in_file(path, "SELECT run || ' ' || bytes FROM resident ORDER BY 1"),
                        "1 5\n1 6\n2 6");
    unlink(path);
}

/* Lines are not known yet when a moment is written. */
static void lines_come_later(void **state)
{
    struct store_site site = {.key = {.node = 1, .process = 1}};

    (void)state;
    begin(path);
    check(store_site(writer, &site));
    moment(1, STORE_PAGES_HIGH, 5);
    row(1, PAGES_LIVE, 1, "", 5, 1);
    check(store_commit(writer));
    assert_string_equal(in_file(path, "SELECT function || line FROM resident"), "0x100");
    check(store_begin(writer));
    check(store_line(writer, 1, "/w/a.c", 10, "f", "/a", "native", 0));
    site.line = 1;
    check(store_site(writer, &site));
    end();
    assert_string_equal(
        in_file(path, "SELECT function || ' ' || file || line || module || language FROM resident"),
        "f /w/a.c10/anative");
    unlink(path);
}

/* Mappings replace the sites for reports that ask for them; other queries do not see them. */
static void mapped_apart(void **state)
{
    static const char sums[] =
        "SELECT coalesce(sum(bytes), 0) || ' ' || (SELECT coalesce(sum(bytes), 0) FROM site) || ' ' || "
        "(SELECT coalesce(sum(bytes), 0) FROM line_total) FROM sites";
    const struct store_site site = {
        .key = {.node = 1, .process = 1}, .line = 1, .m = {.allocations = 1, .bytes = 7}};
    struct store *reader;

    (void)state;
    begin(path);
    check(store_line(writer, 1, "/w/a.c", 10, "f", "/a", "native", 0));
    check(store_site(writer, &site));
    mapped(1, 1, 4096);
    mapped(1, 1, 8192); /* the same site, with later counts */
    mapped(2, 0, 100);
    check(store_line_totals(writer));
    end();
    assert_string_equal(in_file(path, "SELECT sum(bytes) FROM mapped"), "8292");
    assert_string_equal(in_report(path, sums), "7 7 7");
    assert_int_equal(store_open_read(path, &reader), 0);
    assert_int_equal(store_show_mapped(reader), 0);
    assert_string_equal(rows_of(store_handle(reader), sums), "8292 8292 8292");
    store_close(reader);
    unlink(path);
}

/* A report had opened the file before the first moment was written. */
static void made_while_it_is_read(void **state)
{
    struct store *reader;

    (void)state;
    begin(path);
    check(store_commit(writer));
    assert_int_equal(store_open_read(path, &reader), 0);
    assert_string_equal(rows_of(store_handle(reader), "SELECT count(*) FROM resident"), "0");
    check(store_begin(writer));
    moment(1, STORE_PAGES_ASKED, 5);
    row(1, PAGES_LIVE, 1, "", 5, 1);
    check(store_commit(writer));
    assert_int_equal(store_pages_show(reader), 0);
    assert_string_equal(rows_of(store_handle(reader), "SELECT bytes FROM resident"), "5");
    store_close(reader);
    check(store_begin(writer));
    end();
    unlink(path);
}

/* If the transaction that makes the tables is rolled back, they have to be made again. */
static void made_anew_after_a_failure(void **state)
{
    int64_t run;

    (void)state;
    begin(path);
    moment(1, STORE_PAGES_HIGH, 5);
    row(1, PAGES_LIVE, 1, "", 5, 1);
    check(store_rollback(writer));
    check(store_begin(writer));
    check(store_run_add(writer, "a", "a", "2026-01-01T00:00:00Z", "/w", &run));
    moment(1, STORE_PAGES_HIGH, 6);
    row(1, PAGES_LIVE, 1, "", 6, 1);
    end();
    assert_string_equal(in_file(path, "SELECT bytes FROM resident"), "6");
    unlink(path);
}

/* A file from an attacker: its views and tables may contain anything. */
static void of_a_stranger(void **state)
{
    (void)state;
    begin(path);
    end();
    in_file(path, "CREATE VIEW page_row AS SELECT 1 AS run, 1 AS moment, 1 AS process, 1 AS part, 1 AS node, "
                  "1 AS line, '' "
                  "AS name, 1 AS bytes, 1 AS blocks");
    in_file(path, "CREATE TABLE page_moment(run, id, process, t_ns, took_ns, kind, mark, resident, pss, "
                  "untouched, swapped, "
                  "missing)");
    in_file(path, "INSERT INTO page_moment VALUES (1, 1, 1, 0, 0, 0, 0, 0, 0, 0, 0, NULL)");
    assert_string_equal(in_report(path, "SELECT count(*) FROM resident"), "0");
    assert_string_equal(in_report(path, "SELECT count(*) FROM page_moment"), "0");
    unlink(path);
    begin(path);
    moment(1, 77, -5);
    row(1, -3, 999, NULL, INT64_MIN, -1);
    row(1, 1000, 0, "\xff", INT64_MAX, -1);
    end();
    assert_string_equal(
        in_report(path, "SELECT kind || part || coalesce(function, name) FROM resident ORDER BY bytes"),
        "askedother[unknown]\naskedother\xef\xbf\xbd");
    unlink(path);
}

static void copied_and_removed(void **state)
{
    struct store *reader;
    int64_t copy;

    (void)state;
    begin(other); /* without any moment */
    end();
    begin(path);
    moment(1, STORE_PAGES_END, 5);
    row(1, PAGES_FILES, 0, "/lib/a", 5, 0);
    mapped(1, 0, 4096);
    end();
    check(store_open(other, &writer));
    check(store_begin(writer));
    assert_int_equal(store_open_read(other, &reader), 0);
    check(store_run_copy(writer, store_handle(reader), 1, &copy));
    store_close(reader);
    check(store_commit(writer));
    assert_string_equal(in_file(other, objects), "");
    check(store_begin(writer));
    assert_int_equal(store_open_read(path, &reader), 0);
    check(store_run_copy(writer, store_handle(reader), 1, &copy));
    store_close(reader);
    assert_int_equal(copy, 3);
    check(store_commit(writer));
    check(store_finish(writer));
    store_close(writer);
    assert_string_equal(in_file(other, "SELECT run || kind || name || bytes FROM resident"), "3end/lib/a5");
    assert_string_equal(in_file(other, "SELECT run || ' ' || bytes FROM mapped"), "3 4096");
    check(store_open(other, &writer));
    check(store_begin(writer));
    for (int64_t run = 1; run <= 3; run++)
        check(store_run_delete(writer, run));
    check(store_commit(writer));
    check(store_finish(writer));
    store_close(writer);
    assert_string_equal(
        in_file(other, "SELECT (SELECT count(*) FROM page_moment) + (SELECT count(*) FROM page_row) + "
                       "(SELECT count(*) FROM mapped_site)"),
        "0");
    unlink(path);
    unlink(other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(made_with_the_first_moment),
        cmocka_unit_test(parts_add_up),
        cmocka_unit_test(forgets_one_moment),
        cmocka_unit_test(lines_come_later),
        cmocka_unit_test(mapped_apart),
        cmocka_unit_test(made_while_it_is_read),
        cmocka_unit_test(made_anew_after_a_failure),
        cmocka_unit_test(of_a_stranger),
        cmocka_unit_test(copied_and_removed),
    };

    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
