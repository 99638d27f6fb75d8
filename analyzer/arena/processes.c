/* processes.c - see arena_reader.h. */
#define _GNU_SOURCE
#include "arena_reader.h"

#include <limits.h>
#include <linux/futex.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define COUNT_MAX (1ull << 53) /* larger values are impossible; sums of this size do not overflow */

static struct wire_process *shared(const struct arena_slot *slot)
{
    return &slot->arena->wire->process[slot->number];
}

static uint64_t believable(uint64_t count)
{
    return count < COUNT_MAX ? count : COUNT_MAX;
}

uint32_t arena_processes(const struct arena *arena)
{
    uint32_t used = atomic_load(&arena->wire->processes);
    return used < WIRE_PROCESSES ? used : WIRE_PROCESSES;
}

uint64_t arena_untraced(const struct arena *arena)
{
    return (uint64_t)atomic_load(&arena->wire->untraced) + (atomic_load(&arena->wire->unmapped) != 0);
}

struct arena_slot *arena_slot(struct arena *arena, uint32_t number)
{
    if (number >= WIRE_PROCESSES)
        return NULL;
    uint32_t state = atomic_load(&arena->wire->process[number].state);
    return state == WIRE_PROCESS_FREE || wire_state(state) == WIRE_PROCESS_CLAIMED ? NULL
                                                                                   : &arena->slot[number];
}

int arena_claimant(const struct arena *arena, uint32_t number)
{
    uint32_t state = atomic_load(&arena->wire->process[number].state), by = wire_claimed_by(state);
    return wire_state(state) == WIRE_PROCESS_CLAIMED && by != WIRE_CLAIMED_ELSEWHERE ? (int)by : 0;
}

/* A time on CLOCK_MONOTONIC that must be in the past, 0 = none. */
static uint64_t past(uint64_t ns)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    return ns < now_ns ? ns : now_ns;
}

bool arena_birth(struct arena_slot *slot, struct arena_birth *birth)
{
    const struct wire_process *process = shared(slot);
    *birth = (struct arena_birth){.pid = process->pid,
                                  .parent_pid = process->parent_pid,
                                  .pid_namespace = process->pid_namespace,
                                  .flags = process->flags,
                                  .started_ns = past(process->started_ns)};
    return birth->pid > 0;
}

void arena_death(const struct arena_slot *slot, struct arena_death *death)
{
    const struct wire_process *process = shared(slot);
    *death = (struct arena_death){
        .ended_ns = arena_ended_ns(slot),
        .exit_known = atomic_load(&process->exit_known) != 0,
        .exit_status = atomic_load(&process->exit_status) & 0xff,
        .cpu_ns = believable(process->cpu_ns),
        .peak_rss_bytes = believable(process->peak_rss_bytes),
        .stacks_checked = believable(atomic_load(&process->stacks_checked)),
        .stacks_different = believable(atomic_load(&process->stacks_different)),
        .stacks_slow = believable(atomic_load(&process->stacks_slow)),
        .events_lost = believable(atomic_load(&process->events_lost)),
        .stacks_lost = believable(atomic_load(&process->stacks_lost)),
        .sampled_allocations = believable(atomic_load(&process->sampled_allocations)),
        .sampled_bytes = believable(atomic_load(&process->sampled_bytes)),
        .stopped = atomic_load(&process->record) == WIRE_RECORD_STOPPED,
    };
}

uint64_t arena_ended_ns(const struct arena_slot *slot)
{
    uint64_t ended_ns = atomic_load(&shared(slot)->ended_ns);
    return ended_ns ? past(ended_ns > slot->arena->started_ns ? ended_ns : slot->arena->started_ns) : 0;
}

static int in_order(const void *a, const void *b)
{
    const struct arena_piece *one = a, *other = b;
    return (one->start > other->start) - (one->start < other->start);
}

size_t arena_pieces(const struct arena_slot *slot, struct arena_piece pieces[WIRE_PIECES])
{
    const struct wire_piece *said = shared(slot)->pieces;
    size_t found = 0, count = 0;
    for (size_t i = 0; i < WIRE_PIECES; i++) {
        struct arena_piece piece = {atomic_load(&said[i].start), atomic_load(&said[i].end)};
        if (piece.start && piece.start < piece.end && piece.end <= WIRE_ADDRESS_MASK)
            pieces[found++] = piece;
    }
    qsort(pieces, found, sizeof *pieces, in_order);
    for (size_t i = 0; i < found; i++) {
        struct arena_piece *last = count ? &pieces[count - 1] : NULL;
        if (!last || pieces[i].start > last->end)
            pieces[count++] = pieces[i];
        else if (pieces[i].end > last->end)
            last->end = pieces[i].end;
    }
    return count;
}

bool arena_exiting(const struct arena_slot *slot)
{
    return atomic_load(&shared(slot)->state) == WIRE_PROCESS_EXITING;
}

bool arena_waits(const struct arena_slot *slot)
{
    return arena_exiting(slot) && shared(slot)->flags & (WIRE_PROCESS_FIRST | WIRE_PROCESS_WAITS);
}

bool arena_waits_long(const struct arena_slot *slot)
{
    return arena_exiting(slot) && shared(slot)->flags & WIRE_PROCESS_WAITS;
}

bool arena_left(const struct arena_slot *slot)
{
    return wire_state(atomic_load(&shared(slot)->state)) >= WIRE_PROCESS_EXITING &&
           shared(slot)->flags & WIRE_PROCESS_DETACHED;
}

bool arena_wakes_us(const struct arena_slot *slot)
{
    uint32_t flags = __atomic_load_n(&shared(slot)->flags, __ATOMIC_RELAXED);
    return atomic_load(&shared(slot)->state) == WIRE_PROCESS_LIVE && !(flags & WIRE_PROCESS_CONFINED);
}

bool arena_childless(const struct arena_slot *slot)
{
    return shared(slot)->flags & WIRE_PROCESS_CHILDLESS;
}

uint32_t arena_modules(const struct arena_slot *slot)
{
    return atomic_load_explicit(&shared(slot)->modules, memory_order_relaxed);
}

void arena_kept(struct arena_slot *slot, uint32_t modules, uint32_t more)
{
    atomic_fetch_add(&slot->arena->wire->modules_kept, more);
    atomic_store(&shared(slot)->modules_kept, modules);
    syscall(SYS_futex, &shared(slot)->modules_kept, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void arena_mark_seen(struct arena_slot *slot, uint32_t number)
{
    uint32_t seen = atomic_load(&shared(slot)->marks_seen);
    if ((int32_t)(number - seen) > 0) /* threads may report marks out of order */
        atomic_store(&shared(slot)->marks_seen, number);
    syscall(SYS_futex, &shared(slot)->marks_seen, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void arena_commit(struct arena_slot *slot)
{
    uint32_t exiting = WIRE_PROCESS_EXITING;
    atomic_compare_exchange_strong(&shared(slot)->state, &exiting, WIRE_PROCESS_COMMITTED);
    syscall(SYS_futex, &shared(slot)->state, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

void arena_damage(struct arena_slot *slot)
{
    if (atomic_load_explicit(&slot->damage, memory_order_relaxed) < UINT32_MAX / 2)
        atomic_fetch_add(&slot->damage, 1);
}

uint32_t arena_damages(const struct arena_slot *slot)
{
    return atomic_load(&slot->damage);
}
