/* test_store_opening.c - what opening a database and leaving it ask of the system, and the blocks that SQLite gets in
 * the collector: schema.c, finish.c and quick_blocks.c. */
#define _GNU_SOURCE
#include "store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <poll.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- files, as SQLite asks for them ------------------------------------------------------------ */

static sqlite3_vfs *beneath, watching;
static sqlite3_io_methods without_memory;
static int journals, no_shared_memory;

static int watch_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
    (void)vfs;
    int result = beneath->xOpen(beneath, name, file, flags, out);

    journals += (flags & SQLITE_OPEN_MAIN_JOURNAL) != 0;
    if (result == SQLITE_OK && (flags & SQLITE_OPEN_MAIN_DB) && no_shared_memory) {
        without_memory = *file->pMethods;
        without_memory.iVersion = 1; /* of before WAL */
        file->pMethods = &without_memory;
    }
    return result;
}

static int watch(void **state)
{
    (void)state;
    struct store *store;

    store_quick_blocks();
    assert_true(store_open("/nonexistent/trace.db", &store) <
                0); /* our settings come before SQLite is in use */
    store_close(store);
    beneath = sqlite3_vfs_find("unix");
    assert_non_null(beneath);
    watching = *beneath;
    watching.zName = "watching";
    watching.xOpen = watch_open;
    return sqlite3_vfs_register(&watching, 1);
}

static char path[64];

static int make_path(void **state)
{
    (void)state;
    strcpy(path, "/tmp/test_opening.XXXXXX");
    assert_non_null(mkdtemp(path));
    strcat(path, "/trace.db");
    journals = no_shared_memory = 0;
    return 0;
}

static int remove_path(void **state)
{
    (void)state;
    unlink(path);
    *strrchr(path, '/') = '\0';
    return rmdir(path); /* nothing is left beside it */
}

static void mode_is(struct store *store, const char *mode)
{
    sqlite3_stmt *statement;

    assert_int_equal(sqlite3_prepare_v2(store_handle(store), "PRAGMA journal_mode", -1, &statement, NULL),
                     SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    assert_string_equal((const char *)sqlite3_column_text(statement, 0), mode);
    sqlite3_finalize(statement);
}

static void record(const char *mode)
{
    struct store *store;
    int64_t run;

    assert_int_equal(store_open(path, &store), 0);
    mode_is(store, mode);
    assert_int_equal(store_begin(store), 0);
    assert_int_equal(store_run_add(store, "a", "./x", "2026-01-01T00:00:00Z", "/", &run), 0);
    assert_int_equal(store_commit(store), 0);
    assert_int_equal(store_finish(store), 0);
    store_close(store);
}

/* Nothing is put by when the mode changes, there and back, neither in a new file nor in one that exists. */
static void no_journal_for_the_mode(void **state)
{
    struct store *store;

    (void)state;
    record("wal");
    record("wal");
    assert_int_equal(journals, 0);
    assert_int_equal(store_open_read(path, &store), 0);
    mode_is(store, "delete");
    store_close(store);
}

/* Where there can be no WAL, changes are put by in a file, as ever. */
static void a_journal_for_changes(void **state)
{
    (void)state;
    no_shared_memory = 1;
    record("delete");
    assert_true(journals > 0);
}

/* ---- a database that is removed while its collector leaves it ---------------------------------- */

static int (*plain_unlink)(const char *name);
static int to_next = -1, from_next = -1;
static pid_t next;

/* What the next run's collector does: it says when its database is there, and goes on when it is told to. */
static int be_the_next(const char *of)
{
    struct store *store;
    int64_t run;
    char told;

    int fine = store_open(of, &store) == 0 && store_begin(store) == 0 &&
               store_run_add(store, "next", "./x", "2026-01-01T00:00:00Z", "/", &run) == 0 &&
               store_commit(store) == 0;

    fine = write(STDOUT_FILENO, "", 1) == 1 && read(STDIN_FILENO, &told, 1) == 1 && fine;
    fine = fine && store_finish(store) == 0;
    store_close(store);
    return !fine;
}

static void start_the_next(void)
{
    int in[2], out[2];

    assert_int_equal(pipe(in) | pipe(out), 0);
    next = fork();
    if (next == 0) {
        dup2(in[0], STDIN_FILENO);
        dup2(out[1], STDOUT_FILENO);
        execl("/proc/self/exe", "next", path, (char *)NULL);
        _exit(1);
    }
    close(in[0]);
    close(out[1]);
    to_next = in[1];
    from_next = out[0];
}

/* The first of the files that go: now somebody removes the database and starts the next run, which has time to begin. */
static int remove_in_between(const char *name)
{
    const char *end = strrchr(name, '-');

    if (next == 0 && end != NULL && (strcmp(end, "-shm") == 0 || strcmp(end, "-wal") == 0)) {
        struct pollfd begun = {.events = POLLIN};

        unlink(path);
        start_the_next();
        begun.fd = from_next;
        poll(&begun, 1, 200); /* as long as it cannot begin; it waits longer for that than this */
    }
    return plain_unlink(name);
}

/* The log of the next run's database, which has the same name, is not taken for that of this one. */
static void only_what_is_its_own_is_removed(void **state)
{
    char log[80], said;
    int status;

    (void)state;
    snprintf(log, sizeof log, "%s-wal", path);
    plain_unlink = (int (*)(const char *))beneath->xGetSystemCall(beneath, "unlink");
    beneath->xSetSystemCall(beneath, "unlink", (sqlite3_syscall_ptr)remove_in_between);
    record("wal");
    beneath->xSetSystemCall(beneath, "unlink", NULL);
    assert_true(next > 0);
    assert_int_equal(read(from_next, &said, 1), 1);
    assert_int_equal(access(log, F_OK), 0);
    assert_int_equal(write(to_next, "", 1), 1);
    assert_int_equal(waitpid(next, &status, 0), next);
    assert_int_equal(status, 0);
    close(to_next);
    close(from_next);
}

/* ---- blocks ------------------------------------------------------------------------------------ */

#define BLOCKS 500

static void check(const unsigned char *block, int size, unsigned char byte)
{
    assert_int_equal((uintptr_t)block % 8, 0);
    assert_true(sqlite3_msize((void *)block) >= (sqlite3_uint64)size);
    for (int i = 0; i < size; i++)
        assert_int_equal(block[i], byte);
}

/* Sizes on both sides of that from which on malloc() gives each block; what is in a block stays when it is resized. */
static void blocks_keep_what_is_in_them(void **state)
{
    static unsigned char *blocks[BLOCKS];
    static int sizes[BLOCKS];
    unsigned chance = 1;

    (void)state;
    for (int turn = 0; turn < 40 * BLOCKS; turn++) {
        chance = chance * 1103515245 + 12345;
        int i = (int)(chance >> 8) % BLOCKS, size = 1 + (int)(chance >> 16) % (turn % 7 == 0 ? 5000 : 300);
        unsigned char byte = (unsigned char)i;

        if (blocks[i] == NULL) {
            blocks[i] = sqlite3_malloc(size);
        } else if (turn % 3 == 0) {
            check(blocks[i], sizes[i], byte);
            blocks[i] = sqlite3_realloc(blocks[i], size);
            assert_non_null(blocks[i]);
            check(blocks[i], size < sizes[i] ? size : sizes[i], byte);
        } else {
            check(blocks[i], sizes[i], byte);
            sqlite3_free(blocks[i]);
            blocks[i] = NULL;
            continue;
        }
        assert_non_null(blocks[i]);
        memset(blocks[i], byte, (size_t)size);
        sizes[i] = size;
    }
    for (int i = 0; i < BLOCKS; i++)
        sqlite3_free(blocks[i]);
}

/* What was freed is what the next block of its size gets: not even the middle of a piece is given twice. */
static void blocks_are_used_again(void **state)
{
    (void)state;
#ifndef __SANITIZE_ADDRESS__
    void *first = sqlite3_malloc(100), *second = sqlite3_malloc(100);

    sqlite3_free(first);
    void *third = sqlite3_malloc(97), *fourth = sqlite3_malloc(100);

    assert_ptr_equal(third, first);
    assert_ptr_not_equal(fourth, first);
    assert_ptr_not_equal(fourth, second);
    sqlite3_free(second);
    sqlite3_free(third);
    sqlite3_free(fourth);
#endif
}

int main(int argc, char **argv)
{
    if (argc > 1)
        return be_the_next(argv[1]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(no_journal_for_the_mode, make_path, remove_path),
        cmocka_unit_test_setup_teardown(a_journal_for_changes, make_path, remove_path),
        cmocka_unit_test_setup_teardown(only_what_is_its_own_is_removed, make_path, remove_path),
        cmocka_unit_test(blocks_keep_what_is_in_them),
        cmocka_unit_test(blocks_are_used_again),
    };

    return cmocka_run_group_tests(tests, watch, NULL);
}
