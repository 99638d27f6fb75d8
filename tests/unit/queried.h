/* queried.h - for tests of analyzer/query: a database in a folder of its own, and what is printed about it.
 *
 * To be included after cmocka.h. Those who include it define queried_rows(), which writes the runs. */
#ifndef LIBTRACE_TESTS_QUERIED_H
#define LIBTRACE_TESTS_QUERIED_H

#include "report.h"
#include "store.h"

#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

static char queried_folder[] = "/tmp/test_queried.XXXXXX", queried_path[64];
static struct store *writer;
static struct report report = {.db = queried_path};

static void check(int code)
{
    if (code != 0)
        print_error("%s\n", store_error(writer));
    assert_int_equal(code, 0);
}

static void queried_rows(void);

static int queried_begin(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(queried_folder));
    snprintf(queried_path, sizeof queried_path, "%s/trace.db", queried_folder);
    check(store_open(queried_path, &writer));
    check(store_begin(writer));
    queried_rows();
    check(store_commit(writer));
    check(store_finish(writer));
    store_close(writer);
    assert_int_equal(report_open(&report), EXIT_FINE);
    return 0;
}

static int queried_end(void **state)
{
    (void)state;
    report_close(&report);
    unlink(queried_path);
    return rmdir(queried_folder);
}

/* ---- what is printed ------------------------------------------------------------------------- */

static int listened, listened_real = -1;

/* What is printed on this stream (1 or 2) is not shown until it was heard(). */
static inline void listen_to(int stream)
{
    int file = memfd_create("printed", MFD_CLOEXEC);

    assert_true(listened_real < 0 && file >= 0);
    fflush(stdout);
    listened = stream;
    listened_real = dup(stream);
    dup2(file, stream);
    close(file);
}

/* Valid until the next call. */
static inline char *heard(void)
{
    static char text[8192];

    fflush(stdout);
    ssize_t n = pread(listened, text, sizeof text - 1, 0);

    text[n > 0 ? n : 0] = '\0';
    dup2(listened_real, listened);
    close(listened_real);
    listened_real = -1;
    return text;
}

/* ---- what is kept ---------------------------------------------------------------------------- */

/* Bytes that a call leaves allocated at least: the allocator and SQLite keep some now and then, a leak grows always. */
static inline size_t left_by(void (*call)(void))
{
    enum { CALLS = 50 };
    size_t least = SIZE_MAX;

    for (int i = 0; i < 8; i++) {
        size_t before = mallinfo2().uordblks;

        for (int n = 0; n < CALLS; n++)
            call();
        size_t after = mallinfo2().uordblks, more = after > before ? after - before : 0;

        least = more < least ? more : least;
    }
    return least / CALLS;
}

#endif
