/* header.c - see arena.h. */
#define _GNU_SOURCE
#include "arena.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void futex_wake(_Atomic uint32_t *word)
{
    syscall(SYS_futex, word, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void arena_state(struct arena *arena, enum wire_collector_state state, const char *why)
{
    if (why)
        snprintf(arena->wire->error, sizeof arena->wire->error, "%s", why);
    atomic_store(&arena->wire->collector, state);
    futex_wake(&arena->wire->collector);
    for (uint32_t i = 0; i < arena_processes(arena); i++)
        futex_wake(&arena->wire->process[i].state);
}

void arena_pid(struct arena *arena, int pid)
{
    atomic_store(&arena->wire->collector_pid, pid);
}

void arena_swept(struct arena *arena, uint32_t sweep)
{
    atomic_store_explicit(&arena->wire->sweep, sweep, memory_order_relaxed);
}

void arena_doze(struct arena *arena, uint64_t ns)
{
    uint32_t seen = atomic_load(&arena->wire->wake);
    struct timespec timeout = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    atomic_store(&arena->wire->asleep, 1);
    syscall(SYS_futex, &arena->wire->wake, FUTEX_WAIT, seen, &timeout, NULL, 0);
    atomic_store(&arena->wire->asleep, 0);
}

void arena_wake(struct arena *arena)
{
    atomic_fetch_add(&arena->wire->wake, 1);
    futex_wake(&arena->wire->wake);
}
