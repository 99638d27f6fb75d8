/* test_store.c - opening and refusing files, concurrent writers, and the small encodings. */
#define _GNU_SOURCE
#include "store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[32], path[64];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test_store.XXXXXX");
    assert_non_null(mkdtemp(folder));
    strcat(strcpy(path, folder), "/trace.db");
    return 0;
}

static int remove_folder(void **state)
{
    char command[256];

    (void)state;
    snprintf(command, sizeof command, "chmod -R u+w %s; rm -rf %s", folder, folder);
    return system(command);
}

static void write_file(const char *bytes, size_t size)
{
    int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0644);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    close(fd);
}

static void execute(const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static int64_t number(const char *sql)
{
    sqlite3 *db;
    sqlite3_stmt *statement;

    assert_int_equal(sqlite3_open_v2(path, &db, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    int64_t value = sqlite3_column_int64(statement, 0);

    sqlite3_finalize(statement);
    sqlite3_close(db);
    return value;
}

static int64_t is_one_file(void)
{
    return number("SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'delete'");
}

/* Records a run with that many sites of one block each. */
static void record(const char *label, int sites, int batches)
{
    struct store *store;
    struct store_run totals = {.m = {.allocations = sites, .bytes = sites}};
    int64_t run;

    assert_int_equal(store_open(path, &store), 0);
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_run_add(store, label, "./x", "2026-01-01T00:00:00Z", "/", &run), 0);
    assert_int_equal(store_commit(store), 0);
    for (int batch = 0; batch < batches; batch++) {
        assert_int_equal(store_begin(store), 0);
        for (int i = batch * sites / batches; i < (batch + 1) * sites / batches; i++) {
            struct store_site site = {.key = {.node = i + 1, .process = 1},
                                      .line = 1,
                                      .leaf = 1,
                                      .m = {.allocations = 1, .bytes = 1}};

            assert_int_equal(store_site(store, &site), 0);
        }
        assert_int_equal(store_commit(store), 0);
    }
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_line(store, 1, "a.c", 1, "f", "/m", "native", 0), 0);
    assert_int_equal(store_run_totals(store, &totals), 0);
    assert_int_equal(store_line_totals(store), 0);
    assert_int_equal(store_run_state(store, "complete"), 0);
    assert_int_equal(store_commit(store), 0);
    assert_int_equal(store_finish(store), 0);
    store_close(store);
}

static void assert_refused(int code_read, const char *says)
{
    struct store *store;

    assert_int_equal(store_open_read(path, &store), code_read);
    assert_non_null(strstr(store_error(store), says));
    store_close(store);
}

static void assert_refused_both(const char *says)
{
    struct store *store;
    int code = store_open(path, &store);

    assert_true(code < 0);
    assert_non_null(strstr(store_error(store), says));
    store_close(store);
    assert_refused(code, says);
}

/* ---- files that are not our database ------------------------------------------------------------ */

static void nothing_there(void **state)
{
    (void)state;
    assert_refused(-ENOENT, "there is no database");
    write_file("", 0);
    assert_refused(-ENOENT, "nothing was recorded yet");
    record("x", 1, 1); /* an empty file may be written to */
    assert_int_equal(number("SELECT count(*) FROM run"), 1);
}

static void not_a_database(void **state)
{
    (void)state;
    write_file("hello, world: a text of more than sixteen bytes", 47);
    assert_refused_both("is not a database of libtrace");
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkdir(path, 0755), 0);
    assert_refused_both("is a directory");
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(mkfifo(path, 0644), 0);
    assert_refused_both("is not a regular file");
}

static void of_another_program(void **state)
{
    (void)state;
    execute("CREATE TABLE mine(a); INSERT INTO mine VALUES (1)");
    assert_refused_both("database of another program");
    assert_int_equal(number("SELECT count(*) FROM sqlite_schema"), 1); /* not changed */
    char mode[2] = {0};
    int fd = open(path, O_RDONLY);

    assert_int_equal(pread(fd, mode, 2, 18), 2);
    close(fd);
    assert_int_equal(mode[0], 1); /* no WAL */
}

static void of_another_version(void **state)
{
    (void)state;
    record("x", 1, 1);
    execute("PRAGMA user_version = 1000");
    assert_refused_both("newer libtrace");
    execute("PRAGMA user_version = 1");
    struct store *store;

    assert_true(store_open(path, &store) < 0); /* it is readable, but not writable */
    assert_non_null(strstr(store_error(store), "older libtrace"));
    assert_non_null(strstr(store_error(store), "trace-report merge"));
    store_close(store);
    assert_int_equal(store_open_read(path, &store), 0);
    store_close(store);
    execute("PRAGMA user_version = 0");
    assert_refused_both("older libtrace");
}

static void truncated(void **state)
{
    static const long sizes[] = {100, 511, 512, 4096, 40000};

    (void)state;
    record("x", 2000, 1);
    for (size_t i = sizeof sizes / sizeof sizes[0]; i-- > 0;) {
        assert_int_equal(truncate(path, sizes[i]), 0);
        assert_refused_both("truncated");
    }
}

static void unwritable_folder(void **state)
{
    struct store *store;

    (void)state;
    if (geteuid() == 0)
        skip();
    assert_int_equal(chmod(folder, 0555), 0);
    assert_int_equal(store_open(path, &store), -EACCES);
    assert_non_null(strstr(store_error(store), "LIBTRACE_DB"));
    store_close(store);
}

static void odd_names(void **state)
{
    static const char *const names[] = {"file:x?mode=memory", ":memory:", "a%20b#c?d", "-x"};

    (void)state;
    assert_int_equal(chdir(folder), 0);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        struct store *store;

        assert_int_equal(store_open(names[i], &store), 0);
        store_close(store);
        char file[128];

        snprintf(file, sizeof file, "%s/%s", folder, names[i]);
        assert_int_equal(access(file, F_OK), 0);
        assert_int_equal(store_open_read(names[i], &store), 0);
        store_close(store);
    }
    assert_int_equal(chdir("/"), 0);
}

/* ---- writing --------------------------------------------------------------------------------- */

static void one_file_at_the_end(void **state)
{
    char wal[128];

    (void)state;
    record("x", 10, 1);
    snprintf(wal, sizeof wal, "%s-wal", path);
    assert_int_equal(access(wal, F_OK), -1);
    assert_int_equal(is_one_file(), 1);
    assert_int_equal(number("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
}

/* Only the last writer merges the file into one; the others leave it to those that still record. */
static void the_last_one_leaves_one_file(void **state)
{
    struct store *last;
    int64_t run;

    (void)state;
    assert_int_equal(store_open(path, &last), 0);
    assert_int_equal(store_begin(last), 0);
    assert_int_equal(store_run_add(last, "x", "./x", "2026-01-01T00:00:00Z", "/", &run), 0);
    assert_int_equal(store_commit(last), 0);
    record("y", 10, 1);
    assert_int_equal(is_one_file(), 0);
    assert_int_equal(number("SELECT count(*) FROM site"), 10);
    assert_int_equal(store_finish(last), 0);
    store_close(last);
    assert_int_equal(is_one_file(), 1);
    assert_int_equal(number("SELECT count(*) FROM site"), 10);
}

static void read_while_recording(void **state)
{
    struct store *writer, *reader;
    int64_t run;

    (void)state;
    assert_int_equal(store_open(path, &writer), 0);
    assert_int_equal(store_begin(writer), 0);
    assert_int_equal(store_run_add(writer, "x", "./x", "2026-01-01T00:00:00Z", "/", &run), 0);
    assert_int_equal(store_commit(writer), 0);
    assert_int_equal(store_begin(writer), 0); /* also in the middle of a transaction */
    assert_int_equal(store_open_read(path, &reader), 0);
    assert_int_equal(number("SELECT count(*) FROM runs WHERE state = 'recording'"), 1);
    store_close(reader);
    store_close(writer);
}

/* Processes start at once, so that creating the file and finishing collide as well. */
static void many_writers(void **state)
{
    enum { WRITERS = 4, SITES = 20000 };
    pid_t pids[WRITERS];
    char label[16];

    (void)state;
    for (int i = 0; i < WRITERS; i++)
        if ((pids[i] = fork()) == 0) {
            snprintf(label, sizeof label, "run%d", i);
            record(label, SITES, 20);
            _exit(0);
        }
    for (int i = 0; i < WRITERS; i++) {
        int status;

        assert_int_equal(waitpid(pids[i], &status, 0), pids[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(number("SELECT count(*) FROM run WHERE state = 'complete'"), WRITERS);
    assert_int_equal(number("SELECT count(DISTINCT label) FROM run"), WRITERS);
    assert_int_equal(number("SELECT count(*) FROM site"), WRITERS * SITES);
    assert_int_equal(number("SELECT min(allocations) FROM lines"), SITES);
    assert_int_equal(number("SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
    assert_int_equal(is_one_file(), 1);
}

static void dead_collector(void **state)
{
    pid_t pid = fork();
    struct store *store;
    int64_t run;
    int status;

    (void)state;
    if (pid == 0) {
        assert_int_equal(store_open(path, &store), 0);
        assert_int_equal(store_begin(store), 0);
        assert_int_equal(store_run_add(store, "x", "./x", "2026-01-01T00:00:00Z", "/", &run), 0);
        assert_int_equal(store_commit(store), 0);
        assert_int_equal(store_begin(store), 0);
        assert_int_equal(store_node(store, 1, 0, 1), 0);
        kill(getpid(), SIGKILL);
    }
    waitpid(pid, &status, 0);
    assert_true(WIFSIGNALED(status));
    record("y", 1, 1);
    assert_int_equal(number("SELECT count(*) FROM run WHERE state = 'interrupted' AND label = 'x'"), 1);
    assert_int_equal(number("SELECT count(*) FROM run WHERE state = 'complete' AND label = 'y'"), 1);
    assert_int_equal(number("SELECT count(*) FROM node"), 0); /* uncommitted rows are gone */
}

struct many {
    int at, end;
};

static int one_more_node(void *data, struct store_node *node)
{
    struct many *many = data;

    if (many->at == many->end)
        return 0;
    many->at++;
    *node = (struct store_node){many->at, many->at == 1 ? -1 : many->at - 1, many->at % 7};
    return 1;
}

static int one_more_site(void *data, struct store_site *site)
{
    struct many *many = data;

    if (many->at == many->end)
        return 0;
    many->at++;
    *site = (struct store_site){.key = {.node = many->at, .process = 1},
                                .line = many->at % 2,
                                .m = {.allocations = 3, .bytes = 30, .live_allocations = 2, .live_bytes = 20},
                                .sizes = many->at % 3 ? "\x05\x03" : NULL,
                                .sizes_size = 2};
    return 1;
}

static void rows_by_the_many(void **state)
{
    enum { ROWS = 5000 };
    struct store *store;
    struct many nodes = {0, ROWS}, sites = {0, ROWS}, again = {0, ROWS / 2}, none = {0, 0};
    int64_t run;

    (void)state;
    assert_int_equal(store_open(path, &store), 0);
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_run_add(store, "x", "./x", "2026-01-01T00:00:00Z", "/", &run), 0);
    assert_int_equal(store_nodes(store, one_more_node, &nodes), 0);
    assert_int_equal(store_nodes(store, one_more_node, &none), 0);
    assert_int_equal(store_sites(store, one_more_site, &sites), 0);
    assert_int_equal(store_sites(store, one_more_site, &again), 0); /* replaces the first ones */
    assert_int_equal(store_commit(store), 0);
    assert_int_equal(store_finish(store), 0);
    store_close(store);
    assert_int_equal(number("SELECT count(*) FROM node WHERE run = 1 AND frame = id % 7 AND "
                            "parent = CASE id WHEN 1 THEN -1 ELSE id - 1 END"),
                     ROWS);
    assert_int_equal(number("SELECT count(*) FROM site WHERE leaf IS NULL AND live_allocations = 2 AND "
                            "live_bytes = 20 AND line IS nullif(node % 2, 0) AND "
                            "sizes IS CASE WHEN node % 3 THEN x'0503' END AND lifetimes IS NULL"),
                     ROWS);
}

/* Rows that wait for others of their table: none is lost, of two with the same key the later one counts (or both, where
 * they add up), and none survives the transaction that it belongs to. */
static void rows_that_wait(void **state)
{
    enum { ROWS = 3000, STEP = 1103 }; /* without a common factor: each number comes once, out of order */
    struct store *store;
    struct store_site_sample sample = {.key = {.process = 1}, .change = {.allocations = 1, .bytes = 7}};
    int64_t run;

    (void)state;
    assert_int_equal(store_open(path, &store), 0);
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_run_add(store, "x", "./x", "2026-01-01T00:00:00Z", "/", &run), 0);
    for (int i = 0; i < ROWS; i++) {
        int id = i * STEP % ROWS + 1;

        assert_int_equal(store_line(store, id, "old.c", 1, "old", "", "native", 0), 0);
        assert_int_equal(
            store_line(store, id, id % 2 ? "a.c" : NULL, id, id % 3 ? "f" : "\xff", "", "native", 0), 0);
        sample.key.node = id % 10;
        sample.t_ns = id % 7;
        assert_int_equal(store_site_sample(store, &sample), 0);
    }
    sqlite3_stmt *statement;

    assert_int_equal(store_line_totals(store), 0); /* anything else that is done finds them */
    assert_int_equal(
        sqlite3_prepare_v2(store_handle(store), "SELECT count(*) FROM line", -1, &statement, NULL),
        SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_int_equal(sqlite3_column_int64(statement, 0), ROWS);
    sqlite3_finalize(statement);
    assert_int_equal(store_commit(store), 0);
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_line(store, ROWS + 1, "a.c", 1, "f", "", "native", 0), 0);
    assert_int_equal(store_rollback(store), 0);
    assert_int_equal(store_frame(store, 1, 0, 1), 0); /* outside of a transaction */
    assert_int_equal(number("SELECT count(*) FROM frame"), 1);
    assert_int_equal(store_finish(store), 0);
    store_close(store);
    assert_int_equal(number("SELECT count(*) FROM line"), ROWS);
    assert_int_equal(
        number("SELECT count(*) FROM line WHERE line = id AND file IS CASE WHEN id % 2 THEN 'a.c' END "
               "AND function = CASE WHEN id % 3 THEN 'f' ELSE char(65533) END"),
        ROWS);
    assert_int_equal(number("SELECT count(*) FROM site_sample"), 70);
    assert_int_equal(number("SELECT sum(bytes) FROM site_sample"), 7 * ROWS);
}

static void bad_utf8(void **state)
{
    (void)state;
    record("a\xff\xc3(\xe2\x82\xf0\x9f\x98\x80\xed\xa0\x80z", 1, 1);
    /* ff; c3 before '('; e2 82 cut off; a smile; a surrogate of three bytes */
    assert_int_equal(
        number("SELECT count(*) FROM run WHERE label = 'a' || char(65533) || char(65533) || '(' || "
               "char(65533) || char(65533) || char(128512) || char(65533) || char(65533) || "
               "char(65533) || 'z'"),
        1);
}

/* Checked by its process alone, without a lock. */
static void collector_lives(void **state)
{
    int64_t start = store_process_start(getpid());

    (void)state;
    assert_true(start > 0);
    struct stat here;
    struct store *store;
    record("a", 1, 1);
    assert_int_equal(store_open_read(path, &store), 0);
    assert_int_equal(stat("/proc/self/ns/pid", &here), 0);
    const struct {
        struct store_collector collector;
        enum store_collector_state expected;
    } cases[] = {
        {{0, getpid(), start, (int64_t)here.st_ino, 0}, STORE_COLLECTOR_LIVES},
        {{0, getpid(), start + 1, (int64_t)here.st_ino, 0}, STORE_COLLECTOR_GONE},
        {{0, 0, 0, (int64_t)here.st_ino, 0}, STORE_COLLECTOR_GONE},
        {{0, -1, -1, (int64_t)here.st_ino, 0}, STORE_COLLECTOR_GONE},
        {{0, 1 << 30, -1, (int64_t)here.st_ino, 0}, STORE_COLLECTOR_GONE},
        /* Numbers of another system's processes mean nothing here. */
        {{0, getpid(), start, 1, store_clock()}, STORE_COLLECTOR_ELSEWHERE},
        {{0, getpid(), start, 1, 0}, STORE_COLLECTOR_GONE},
        {{0, getpid(), start, 1, store_clock() - 3600000000000}, STORE_COLLECTOR_GONE},
        {{0, getpid(), start, 1, INT64_MAX}, STORE_COLLECTOR_GONE}, /* before the last boot */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(store_collector_state(store, &cases[i].collector), cases[i].expected);
    store_close(store);
}

/* A process that only keeps recording. */
static pid_t record_for_ever(void)
{
    int ready[2];
    char byte;

    assert_int_equal(pipe(ready), 0);
    pid_t child = fork();

    if (child == 0) {
        struct store *store;
        int64_t run;
        int failed = store_open(path, &store) != 0 || store_begin(store) != 0 ||
                     store_run_add(store, "l", "./x", "2026-01-01T00:00:00Z", "/", &run) != 0 ||
                     store_commit(store) != 0;

        if (failed || write(ready[1], "", 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ready[1]);
    assert_int_equal(read(ready[0], &byte, 1), 1);
    close(ready[0]);
    return child;
}

/* State of the first run's collector if its process is in an unknown namespace; whether it is sure must be as said. */
static enum store_collector_state state_elsewhere(const char *file, int64_t taken_ns, int sure)
{
    const struct store_collector collector = {1, 1, 1, 1, taken_ns};
    struct store *store;

    assert_int_equal(store_open_read(file, &store), 0);
    enum store_collector_state found = store_collector_state(store, &collector);

    assert_int_equal(store_collector_sure(store, &collector), sure);
    store_close(store);
    return found;
}

static void collector_has_a_lock(void **state)
{
    char copy[80], command[400];
    struct store *reader, *writer;

    (void)state;
    pid_t child = record_for_ever();

    assert_int_equal(state_elsewhere(path, 0, 1), STORE_COLLECTOR_ELSEWHERE);
    assert_int_equal(state_elsewhere(path, INT64_MAX, 1), STORE_COLLECTOR_ELSEWHERE);
    snprintf(copy, sizeof copy, "%s/copy.db", folder);
    snprintf(command, sizeof command, "cp %s %s; cp %s-wal %s-wal", path, copy, path, copy);
    assert_int_equal(system(command), 0);
    assert_int_equal(state_elsewhere(copy, store_clock(), 0), STORE_COLLECTOR_ELSEWHERE);

    /* Readers continue to work, and are noticed: the lock does not interfere with SQLite's. */
    assert_int_equal(store_open_read(path, &reader), 0);
    assert_int_equal(sqlite3_exec(store_handle(reader), "BEGIN; SELECT * FROM run", NULL, NULL, NULL),
                     SQLITE_OK);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    record("b", 1, 1);
    assert_int_equal(number("SELECT count(*) FROM pragma_journal_mode WHERE journal_mode = 'wal'"), 1);
    assert_int_equal(sqlite3_exec(store_handle(reader), "SELECT * FROM run; COMMIT", NULL, NULL, NULL),
                     SQLITE_OK);
    store_close(reader);

    assert_int_equal(state_elsewhere(path, store_clock(), 0), STORE_COLLECTOR_GONE);
    assert_int_equal(state_elsewhere(copy, store_clock(), 0), STORE_COLLECTOR_ELSEWHERE);
    assert_int_equal(number("SELECT count(*) FROM run WHERE id = 1 AND state = 'interrupted'"), 1);

    assert_int_equal(store_open(path, &writer), 0);
    assert_int_equal(store_begin(writer), 0);
    assert_int_equal(store_run_delete(writer, 1), 0);
    assert_int_equal(store_commit(writer), 0);
    store_close(writer);
    assert_int_equal(number("SELECT count(*) FROM recorder WHERE run = 1"), 0);
}

static void histograms(void **state)
{
    uint64_t in[STORE_HISTOGRAM_CLASSES] = {0}, out[STORE_HISTOGRAM_CLASSES];
    uint8_t data[STORE_HISTOGRAM_MAX];

    (void)state;
    assert_int_equal(store_histogram_encode(in, data), 0);
    in[0] = 1, in[5] = 127, in[6] = 128, in[64] = UINT64_MAX;
    size_t size = store_histogram_encode(in, data);

    assert_int_equal(store_histogram_decode(data, size, out), 0);
    assert_memory_equal(in, out, sizeof in);
    assert_int_equal(store_histogram_decode(data, size - 1, out), -EINVAL);
    for (int i = 0; i < STORE_HISTOGRAM_CLASSES; i++)
        in[i] = UINT64_MAX;
    size = store_histogram_encode(in, data);
    assert_int_equal(size, STORE_HISTOGRAM_MAX);
    data[0] = 65; /* no such histogram class */
    assert_int_equal(store_histogram_decode(data, size, out), -EINVAL);
    memset(data, 0xff, sizeof data);
    assert_int_equal(store_histogram_decode(data, sizeof data, out), -EINVAL);
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(nothing_there),
        WITH_FOLDER(not_a_database),
        WITH_FOLDER(of_another_program),
        WITH_FOLDER(of_another_version),
        WITH_FOLDER(truncated),
        WITH_FOLDER(unwritable_folder),
        WITH_FOLDER(odd_names),
        WITH_FOLDER(one_file_at_the_end),
        WITH_FOLDER(the_last_one_leaves_one_file),
        WITH_FOLDER(read_while_recording),
        WITH_FOLDER(many_writers),
        WITH_FOLDER(dead_collector),
        WITH_FOLDER(rows_by_the_many),
        WITH_FOLDER(rows_that_wait),
        WITH_FOLDER(bad_utf8),
        WITH_FOLDER(collector_lives),
        WITH_FOLDER(collector_has_a_lock),
        cmocka_unit_test(histograms),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
