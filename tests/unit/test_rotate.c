/* test_rotate.c - the past of a long run, put aside as files of their own: each says what the program had done by then, and so
 * does the file in which the run goes on; also where the collector was killed in between. */
#define _GNU_SOURCE
#include "month.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include "first_column.h"

#include <fcntl.h>
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

static const char *copied(void)
{
    static char name[sizeof path + 16];
    snprintf(name, sizeof name, "%s.rotating", path);
    return name;
}

/* Nothing is merged, and the only mark says that no file begins here; the next time it is tried again. */
static void check_that_it_waits(struct month *month)
{
    rotate(month);
    assert_true(strtoll(in_file(path, "SELECT count(*) FROM moment"), NULL, 10) > 1);
    assert_string_equal(in_file(path, "SELECT group_concat(name) FROM mark"), "not rotated");
}

static void check_that_it_goes_on(struct month *month)
{
    rotate(month);
    struct month then = *month;
    compare(&then, file(1), 0);
    assert_string_equal(in_file(file(1), "SELECT count(*) FROM run"), "1");
    check(month, month_end(month));
    compare(month, path, 1);
    clear();
}

/* Where no copy can be made. */
static void no_room(void **state)
{
    struct month month = begin();
    (void)state;
    assert_int_equal(mkdir(copied(), 0700), 0);
    check_that_it_waits(&month);
    assert_false(is_there(file(1)));
    assert_int_equal(rmdir(copied()), 0);
    check_that_it_goes_on(&month);
}

/* What a link leads to is not opened: closing it would release our own locks. */
static void a_link(void **state)
{
    struct month month = begin();
    (void)state;
    assert_int_equal(symlink(path, copied()), 0);
    rotate(&month);
    pid_t child = fork();
    if (child == 0) {
        struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0x40000000, .l_len = 512};
        int fd = open(path, O_RDWR);
        _exit(fd < 0 || fcntl(fd, F_GETLK, &lock) != 0 || lock.l_type == F_UNLCK);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(unlink(copied()), 0);
    check_that_it_goes_on(&month);
}

/* A file that somebody writes to keeps its name, by which the rest of it is found; what is beside no file goes. */
static void files_beside(void **state)
{
    struct month month = begin();
    char beside[sizeof path + 16];
    (void)state;
    snprintf(beside, sizeof beside, "%s.1-wal", path);
    write_text(file(1), "1");
    write_text(beside, "and what is to be written into it");
    check_that_it_waits(&month);
    assert_int_equal(first_of(file(1)), '1');
    assert_false(is_there(file(2)) || is_there(copied()));
    assert_int_equal(unlink(file(1)), 0);
    check_that_it_goes_on(&month);
    assert_false(is_there(beside));
}

/* ---- while the copy is made ---------------------------------------------------------------------- */

static void (*meanwhile)(void);
static pid_t reader;
int __real_store_run_why(struct store *store, const char *why);
int __wrap_store_run_why(struct store *store, const char *why);

/* That is when a copy is nearly complete. */
int __wrap_store_run_why(struct store *store, const char *why)
{
    if (meanwhile)
        meanwhile();
    return __real_store_run_why(store, why);
}

static int to_reader[2], from_reader[2];

/* A process of its own, from before anything was opened: a fork would not have SQLite's locks. */
static void prepare_reader(void)
{
    char byte;
    assert_int_equal(pipe(to_reader), 0);
    assert_int_equal(pipe(from_reader), 0);
    reader = fork();
    if (reader == 0) {
        sqlite3 *db;
        if (read(to_reader[0], &byte, 1) == 1 && sqlite3_open(copied(), &db) == SQLITE_OK &&
            sqlite3_exec(db, "BEGIN; SELECT * FROM sqlite_schema", NULL, NULL, NULL) == SQLITE_OK &&
            write(from_reader[1], "1", 1) == 1)
            sleep(60);
        _exit(1);
    }
    close(to_reader[0]);
    close(from_reader[1]);
}

static void begin_to_read(void)
{
    char byte;
    assert_int_equal(write(to_reader[1], "1", 1), 1);
    assert_int_equal(read(from_reader[0], &byte, 1), 1);
}

/* What a reader keeps from being one file does not get a name without the rest of it. */
static void a_copy_that_is_read(void **state)
{
    prepare_reader();
    struct month month = begin();
    int status;
    (void)state;
    meanwhile = begin_to_read;
    check_that_it_waits(&month);
    meanwhile = NULL;
    assert_false(is_there(file(1)));
    kill(reader, SIGKILL);
    assert_int_equal(waitpid(reader, &status, 0), reader);
    close(to_reader[1]);
    close(from_reader[0]);
    check_that_it_goes_on(&month);
}

static void take_its_place(void)
{
    assert_int_equal(unlink(copied()), 0);
    write_text(copied(), "another collector's");
}

/* Another collector that records into the same file has begun its own copy. */
static void a_copy_that_is_replaced(void **state)
{
    struct month month = begin();
    (void)state;
    write_text(file(1), "1");
    meanwhile = take_its_place;
    check_that_it_waits(&month);
    meanwhile = NULL;
    assert_int_equal(first_of(file(1)), '1');
    assert_int_equal(first_of(copied()), 'a');
    check_that_it_goes_on(&month);
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
    const struct CMUnitTest tests[] = {cmocka_unit_test(files_of_a_run),
                                       cmocka_unit_test(after_a_kill),
                                       cmocka_unit_test(no_room),
                                       cmocka_unit_test(a_link),
                                       cmocka_unit_test(files_beside),
                                       cmocka_unit_test(a_copy_that_is_read),
                                       cmocka_unit_test(a_copy_that_is_replaced),
                                       cmocka_unit_test(killed_anywhere)};
    return cmocka_run_group_tests(tests, make_folder, remove_folder);
}
