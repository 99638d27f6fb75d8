/* test_rotate.c - the past of a long run, put aside as files of their own: each says what the program had done by then, and so
 * does the file in which the run goes on; also where the collector was killed in between. */
#define _GNU_SOURCE
#include "month.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "first_column.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define SECOND 1000000000ll
#define HOUR (3600 * SECOND)
#define FILES 3
#define STEPS 100 /* snapshots between two files */

static char folder[] = "/tmp/test_rotate.XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/trace.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    (void)state;
    return rmdir(folder);
}

static const char *file(int number)
{
    static char name[sizeof path + 16];
    snprintf(name, sizeof name, number ? "%s.%d" : "%s", path, number);
    return name;
}

static bool is_there(const char *name)
{
    struct stat status;
    return lstat(name, &status) == 0;
}

static void clear(void)
{
    static const char *const others[] = {".rotating", ".rotating-wal", ".rotating-shm", "-wal", "-shm"};
    for (int i = 0; i <= FILES; i++)
        unlink(file(i));
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        char name[sizeof path + 16];
        snprintf(name, sizeof name, "%s%s", path, others[i]);
        unlink(name);
    }
}

static void write_text(const char *name, const char *text)
{
    FILE *out = fopen(name, "w");
    assert_non_null(out);
    assert_true(fputs(text, out) >= 0 && fclose(out) == 0);
}

static char first_of(const char *name)
{
    FILE *in = fopen(name, "r");
    assert_non_null(in);
    int first = fgetc(in);
    fclose(in);
    return (char)first;
}

static void check(const struct month *month, int code)
{
    if (code != 0)
        print_error("%s\n", store_error(month->store));
    assert_int_equal(code, 0);
}

static struct month begin(void)
{
    struct month month = {.bounds = {.keep_ns = 4 * HOUR},
                          .step_ns = 60 * SECOND,
                          .sites = 20,
                          .mark_every = STEPS,
                          .mark_name = STORE_MARK_ROTATED,
                          .threads_every = 5,
                          .events_every = 3};
    check(&month, month_begin(&month, path));
    return month;
}

static void rotate(struct month *month)
{
    check(month, month_go_on(month, STEPS));
    check(month, store_rotate(month->store, FILES, month->step * month->step_ns));
}

/* month: as it was when the file was put aside, or at its end; a mark at its beginning, unless it is the first. */
static void compare(const struct month *month, const char *name, int marks)
{
    struct month then = *month;
    int64_t moments;
    then.marks = marks;
    snprintf(then.path, sizeof then.path, "%s", name);
    const char *wrong = month_wrong(&then, &moments);
    if (wrong)
        print_error("%s: %s\n", name, wrong);
    assert_null(wrong);
    assert_string_equal(in_file(name, "PRAGMA integrity_check"), "ok");
}

/* Of five files the latest three are left, each whole; the past is merged in the run's own, and all in it is right. */
static void files_of_a_run(void **state)
{
    struct month month = begin(), then[5];
    (void)state;
    for (int i = 0; i < 5; i++) {
        rotate(&month);
        then[i] = month;
    }
    check(&month, month_go_on(&month, STEPS / 2));
    check(&month, month_end(&month));
    compare(&month, path, 1);
    assert_string_equal(in_file(path, "SELECT state FROM run"), "complete");
    assert_int_equal(strtoll(in_file(path, "SELECT t_ns FROM mark"), NULL, 10), then[4].step * month.step_ns);
    assert_string_equal(in_file(path, "SELECT count(*) FROM moment WHERE t_ns < (SELECT t_ns FROM mark)"),
                        "0");
    for (int i = 1; i <= FILES; i++) {
        compare(&then[5 - i], file(i), 1);
        assert_string_equal(in_file(file(i), "SELECT state FROM run"), "interrupted");
        assert_non_null(strstr(in_file(file(i), "SELECT why FROM run"), "its file was rotated"));
        assert_int_equal(strtoll(in_file(file(i), "SELECT t_ns FROM mark"), NULL, 10),
                         then[4 - i].step * month.step_ns);
        assert_string_equal(in_file(file(i), "SELECT sum(bytes) = (SELECT bytes FROM run) FROM line_total"),
                            "1");
        assert_string_equal(in_report(file(i), "SELECT label FROM runs"), "month");
    }
    assert_false(is_there(file(FILES + 1)));
    clear();
}

/* What a killed collector left: half a copy, and a number that is free, up to which files are moved. */
static void after_a_kill(void **state)
{
    struct month month = begin();
    char half[sizeof path + 16];
    (void)state;
    snprintf(half, sizeof half, "%s.rotating", path);
    write_text(half, "half a file");
    write_text(file(1), "1");
    write_text(file(3), "3");
    rotate(&month);
    assert_false(is_there(half));
    assert_int_equal(first_of(file(2)), '1');
    assert_int_equal(first_of(file(3)), '3');
    struct month then = month;
    rotate(&month);
    assert_int_equal(first_of(file(3)), '1');
    compare(&then, file(2), 0);
    check(&month, month_end(&month));
    compare(&month, path, 1);
    clear();
}

/* Where no copy can be made nothing is merged, and the next time it is tried again. */
static void no_room(void **state)
{
    struct month month = begin();
    char taken[sizeof path + 16];
    (void)state;
    snprintf(taken, sizeof taken, "%s.rotating", path);
    assert_int_equal(mkdir(taken, 0700), 0);
    rotate(&month);
    assert_false(is_there(file(1)));
    assert_true(strtoll(in_file(path, "SELECT count(*) FROM moment"), NULL, 10) > 1);
    assert_int_equal(rmdir(taken), 0);
    rotate(&month);
    assert_true(is_there(file(1)));
    check(&month, month_end(&month));
    clear();
}

static void record_for_ever(void)
{
    struct month month = begin();
    for (;;) {
        if (month_go_on(&month, STEPS) != 0 ||
            store_rotate(month.store, FILES, month.step * month.step_ns) != 0)
            _exit(1);
    }
}

static void look_at(const char *name)
{
    assert_string_equal(in_file(name, "PRAGMA integrity_check"), "ok");
    assert_string_equal(
        in_file(name, "SELECT count(*) FROM run WHERE allocations <> (SELECT sum(allocations) FROM site)"),
        "0");
}

/* Wherever it is killed, each file that has its name is whole. */
static void killed_anywhere(void **state)
{
    (void)state;
    for (int i = 0; i < 40; i++) {
        pid_t child = fork();
        if (child == 0)
            record_for_ever();
        while (!is_there(file(1)))
            nanosleep(&(struct timespec){0, 1000000}, NULL);
        nanosleep(&(struct timespec){0, i * 1700000}, NULL);
        kill(child, SIGKILL);
        int status;
        assert_int_equal(waitpid(child, &status, 0), child);
        assert_true(WIFSIGNALED(status));
        for (int number = 0; number <= FILES; number++)
            if (is_there(file(number)))
                look_at(file(number));
        clear();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(files_of_a_run), cmocka_unit_test(after_a_kill),
                                       cmocka_unit_test(no_room), cmocka_unit_test(killed_anywhere)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
