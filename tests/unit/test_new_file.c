/* test_new_file.c - a new database appears with its tables, which are those that the code makes. */
#define _GNU_SOURCE
#include "store_private.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static char folder[32], path[64], wal[72];

static int make_folder(void **state)
{
    (void)state;
    strcpy(folder, "/tmp/test_new_file.XXXXXX");
    assert_non_null(mkdtemp(folder));
    strcat(strcpy(path, folder), "/trace.db");
    strcat(strcpy(wal, path), "-wal");
    return 0;
}

static int remove_folder(void **state)
{
    char command[64];

    (void)state;
    snprintf(command, sizeof command, "rm -rf %s", folder);
    return system(command);
}

static void write_file(const char *name, const char *text)
{
    int fd = open(name, O_CREAT | O_EXCL | O_WRONLY, 0600);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, strlen(text)), strlen(text));
    close(fd);
}

/* The bytes of the database, to be freed. */
static unsigned char *contents(size_t *size)
{
    struct stat status;
    int fd = open(path, O_RDONLY);

    assert_true(fd >= 0);
    assert_int_equal(fstat(fd, &status), 0);
    unsigned char *bytes = malloc((size_t)status.st_size + 1);

    assert_non_null(bytes);
    assert_int_equal(read(fd, bytes, (size_t)status.st_size + 1), status.st_size);
    close(fd);
    *size = (size_t)status.st_size;
    return bytes;
}

static void assert_is_image(void)
{
    size_t size;
    unsigned char *bytes = contents(&size);

    assert_int_equal(size, store_image_size);
    assert_memory_equal(bytes, store_image, size);
    free(bytes);
}

static void open_and_finish(void)
{
    struct store *store;

    assert_int_equal(store_open(path, &store), 0);
    assert_int_equal(store_finish(store), 0);
    store_close(store);
}

static int make_whole(void)
{
    int directory = open(folder, O_RDONLY | O_DIRECTORY);
    int made = store_make_whole(directory, "trace.db");

    assert_true(directory >= 0);
    close(directory);
    return made;
}

/* How often the file was changed. */
static unsigned changes(const unsigned char *bytes)
{
    return (unsigned)bytes[24] << 24 | (unsigned)bytes[25] << 16 | (unsigned)bytes[26] << 8 | bytes[27];
}

static void code_makes_the_image(void **state)
{
    (void)state;
    assert_true(store_image_size > 4096);
    write_file(path, "");
    open_and_finish();
    assert_is_image();
}

static void file_is_the_image(void **state)
{
    struct stat status;

    (void)state;
    if (!make_whole())
        skip(); /* /tmp is on a file system that has no files without a name */
    assert_is_image();
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_int_equal(status.st_nlink, 1);
}

static void name_is_taken(void **state)
{
    size_t size;

    (void)state;
    write_file(path, "somebody's");
    assert_int_equal(make_whole(), 0);
    unsigned char *bytes = contents(&size);

    assert_int_equal(size, 10);
    assert_memory_equal(bytes, "somebody's", 10);
    free(bytes);
}

/* It has been changed since: to WAL mode, and back. Both numbers of changes tell, and nothing else. */
static void new_file_is_used(void **state)
{
    size_t size;

    (void)state;
    if (!make_whole())
        skip();
    unlink(path);
    open_and_finish();
    unsigned char *bytes = contents(&size);

    assert_int_equal(size, store_image_size);
    assert_true(changes(bytes) > changes(store_image));
    memcpy(bytes + 24, store_image + 24, 4);
    memcpy(bytes + 92, store_image + 92, 4);
    assert_memory_equal(bytes, store_image, size);
    free(bytes);
}

/* Of a database that was removed: SQLite would take it for the new one's. */
static void leftovers_are_removed_first(void **state)
{
    (void)state;
    write_file(wal, "of another database");
    open_and_finish();
    assert_is_image();
    assert_int_not_equal(access(wal, F_OK), 0);
}

/* Each of many processes that find no file adds its run to the one that there is then. */
static void many_at_once(void **state)
{
    enum { PROCESSES = 8 };
    struct store *store;
    int64_t runs;

    (void)state;
    for (int i = 0; i < PROCESSES; i++) {
        pid_t pid = fork();

        assert_true(pid >= 0);
        if (pid == 0) {
            int failed = store_open(path, &store) != 0 || store_begin(store) != 0 ||
                         store_run_add(store, "", "./x", "2026-01-01T00:00:00Z", "/", &runs) != 0 ||
                         store_commit(store) != 0 || store_finish(store) != 0;

            store_close(store);
            _exit(failed);
        }
    }
    for (int i = 0; i < PROCESSES; i++) {
        int status;

        assert_true(wait(&status) > 0);
        assert_int_equal(status, 0);
    }
    assert_int_equal(store_open(path, &store), 0);
    assert_int_equal(store_number(store, "SELECT count(*) FROM run", "read", &runs), 0);
    assert_int_equal(runs, PROCESSES);
    store_close(store);
}

int main(void)
{
#define WITH_FOLDER(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)
    const struct CMUnitTest tests[] = {
        WITH_FOLDER(code_makes_the_image),
        WITH_FOLDER(file_is_the_image),
        WITH_FOLDER(name_is_taken),
        WITH_FOLDER(new_file_is_used),
        WITH_FOLDER(leftovers_are_removed_first),
        WITH_FOLDER(many_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
