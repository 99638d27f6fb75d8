/* test_memory_watch.c - when the collector looks for a limit of memory, and when a thread watches it. What the groups say is
 * made up here. */
#define _GNU_SOURCE
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>
#include <dirent.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "memory_watch.h"

#define MIB ((uint64_t)1 << 20)
#define SECOND 1000000000ull

static unsigned opened;         /* how often the own group was looked for */
static unsigned limited;        /* groups that have a limit */
static _Atomic uint64_t left;   /* bytes below the limit */
static _Atomic unsigned stated; /* calls of arena_state() */

void memory_limit_open(struct memory_limit *limit, int pid, const struct memory_limit *others)
{
    (void)others;
    opened += pid == 0;
    limit->count = pid == 0 ? limited : 0;
}

void memory_limit_close(struct memory_limit *limit)
{
    limit->count = 0;
}

uint64_t memory_limit_room(const struct memory_limit *limit, uint64_t enough)
{
    (void)enough;
    return limit->count ? atomic_load(&left) : UINT64_MAX;
}

uint64_t arena_resident(const struct arena *arena)
{
    (void)arena;
    return 0;
}

void arena_abandon(struct arena *arena)
{
    (void)arena;
}

void arena_state(struct arena *arena, enum wire_collector_state state, const char *why)
{
    (void)arena, (void)state, (void)why;
    atomic_fetch_add(&stated, 1);
}

void arena_grant(struct arena *arena, uint64_t words)
{
    (void)arena, (void)words;
}

void arena_wake(struct arena *arena)
{
    (void)arena;
}

static unsigned threads(void)
{
    unsigned count = 0;
    DIR *folder = opendir("/proc/self/task");
    for (struct dirent *entry; folder && (entry = readdir(folder));)
        count += entry->d_name[0] != '.';
    if (folder)
        closedir(folder);
    return count;
}

static void no_limit(void **unused)
{
    static struct memory_watch watch;
    (void)unused;
    limited = opened = 0;
    unsigned before = threads();
    assert_null(memory_watch_start(&watch, NULL, 0, false));
    assert_int_equal(opened, 1);
    for (uint64_t now = SECOND; now <= 60 * SECOND; now += SECOND)
        memory_watch_look(&watch, now);
    assert_int_equal(opened, 1);
    for (uint64_t now = 61 * SECOND; now <= 130 * SECOND; now += SECOND)
        memory_watch_look(&watch, now);
    assert_int_equal(opened, 3);
    assert_int_equal(threads(), before);
    assert_true(memory_watch_fits(&watch, 1ull << 40) && !memory_watch_is_tight(&watch));
}

/* The thread lives until the test ends. */
static void limit_is_set_later(void **unused)
{
    static struct memory_watch watch;
    (void)unused;
    limited = 0;
    left = 600 * MIB;
    unsigned before = threads();
    assert_null(memory_watch_start(&watch, NULL, 0, false));
    memory_watch_look(&watch, SECOND);
    limited = 1;
    memory_watch_look(&watch, 2 * SECOND);
    assert_int_equal(threads(), before);
    memory_watch_look(&watch, 62 * SECOND);
    assert_int_equal(threads(), before + 1);
    left = 3 * MIB;
    stated = 0;
    while (memory_watch_state(&watch) != MEMORY_END || !atomic_load(&stated))
        usleep(1000);
    assert_false(memory_watch_fits(&watch, 1));
}

static void limit_from_the_start(void **unused)
{
    static struct memory_watch watch, full;
    (void)unused;
    limited = 1;
    left = 600 * MIB;
    unsigned before = threads();
    assert_null(memory_watch_start(&watch, NULL, 0, false));
    assert_int_equal(threads(), before + 1);
    left = 3 * MIB;
    assert_string_equal(
        memory_watch_start(&full, NULL, 0, false),
        "the memory limit of the program's cgroup leaves no room for recording; the program runs untraced");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_limit),
        cmocka_unit_test(limit_is_set_later),
        cmocka_unit_test(limit_from_the_start),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
