/* header.c - see arena_reader.h. */
#define _GNU_SOURCE
#include "arena_reader.h"

#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>
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
    if (why && atomic_load(&arena->wire->collector) != WIRE_COLLECTOR_FAILED)
        snprintf(arena->wire->error, sizeof arena->wire->error, "%s", why);
    atomic_store(&arena->wire->collector, state);
    futex_wake(&arena->wire->collector);
    for (uint32_t i = 0; i < arena_processes(arena); i++)
        futex_wake(&arena->wire->process[i].state);
}

void arena_pid(struct arena *arena, int pid, uint64_t pid_namespace)
{
    atomic_store(&arena->wire->collector_namespace, pid_namespace);
    atomic_store(&arena->wire->collector_pid, pid);
}

/* When a thread ends, the kernel walks its list of robust futexes: this list is in our private memory, and
 * only the word that the kernel marks is shared. It replaces the list that libc registered, so this thread
 * must not use robust mutexes. */
void arena_alive(struct arena *arena)
{
    static struct robust_list word;
    static struct robust_list_head list;
    word.next = &list.list;
    list.list.next = &word;
    list.futex_offset = (char *)&arena->wire->alive - (char *)&word;
    if (syscall(SYS_set_robust_list, &list, sizeof list) == 0)
        atomic_store(&arena->wire->alive, (uint32_t)syscall(SYS_gettid));
}

void arena_locked(struct arena *arena)
{
    atomic_store(&arena->wire->locked, 1);
}

void arena_swept(struct arena *arena, uint32_t sweep)
{
    atomic_store_explicit(&arena->wire->sweep, sweep, memory_order_relaxed);
}

void arena_grant(struct arena *arena, uint64_t words)
{
    uint32_t granted = words < WIRE_RING_WORDS ? (uint32_t)words : 0;
    if (atomic_load_explicit(&arena->wire->ring_room, memory_order_relaxed) != granted)
        atomic_store_explicit(&arena->wire->ring_room, granted, memory_order_relaxed);
}

void arena_marks_wait(struct arena *arena, uint64_t from_ns)
{
    if (atomic_load_explicit(&arena->wire->marks_wait_ns, memory_order_relaxed) != from_ns)
        atomic_store_explicit(&arena->wire->marks_wait_ns, from_ns, memory_order_relaxed);
}

static uint32_t announce_sleep(struct arena *arena, enum wire_sleep sleep)
{
    uint32_t seen = atomic_load(&arena->wire->wake);
    atomic_store(&arena->wire->asleep, sleep);
    return seen;
}

void arena_doze(struct arena *arena, uint64_t ns)
{
    arena_sleep(arena, announce_sleep(arena, WIRE_DOZING), ns);
}

uint32_t arena_lie_down(struct arena *arena)
{
    return announce_sleep(arena, WIRE_SLEEPING);
}

void arena_sleep(struct arena *arena, uint32_t seen, uint64_t ns)
{
    struct timespec timeout = {(time_t)(ns / 1000000000u), (long)(ns % 1000000000u)};
    if (ns)
        syscall(SYS_futex, &arena->wire->wake, FUTEX_WAIT, seen, &timeout, NULL, 0);
    atomic_store(&arena->wire->asleep, WIRE_AWAKE);
}

void arena_nudge(struct arena *arena)
{
    futex_wake(&arena->wire->wake);
}

void arena_wake(struct arena *arena)
{
    atomic_fetch_add(&arena->wire->wake, 1);
    futex_wake(&arena->wire->wake);
}
