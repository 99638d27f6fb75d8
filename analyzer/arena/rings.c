/* rings.c - see rings.h. */
#define _GNU_SOURCE
#include "rings.h"

#include <fcntl.h>
#include <string.h>

uint32_t arena_rings(const struct arena *arena)
{
    uint32_t used = atomic_load(&arena->wire->rings), all = wire_rings(arena->size);
    return used < all ? used : all;
}

bool arena_ring_busy(const struct wire_ring *ring)
{
    return atomic_load_explicit(&ring->state, memory_order_acquire) == WIRE_RING_BUSY;
}

bool arena_ring_last(const struct wire_ring *ring)
{
    return atomic_load_explicit(&ring->state, memory_order_acquire) == WIRE_RING_LAST;
}

bool arena_ring_free(const struct arena *arena, uint32_t number)
{
    return atomic_load(&arena->wire->ring[number].state) == WIRE_RING_FREE;
}

void arena_ring_unclaim(struct arena *arena, uint32_t number, const struct arena_slot *slot)
{
    uint32_t claimed = wire_claimed(WIRE_RING_CLAIMED, slot->number + 1);
    atomic_compare_exchange_strong(&arena->wire->ring[number].state, &claimed, WIRE_RING_FREE);
}

void arena_ring_arm(struct wire_ring *ring)
{
    atomic_store(&ring->slow_at, 0);
}

bool arena_ring_armed(const struct wire_ring *ring)
{
    return atomic_load(&ring->slow_at) == 0;
}

/* The ring's words. A ring keeps its buffer for good, so the first valid offset is used from then on. */
static const uint64_t *words_of(struct arena *arena, uint32_t number)
{
    const uint64_t size = WIRE_RING_WORDS * sizeof(uint64_t);
    uint64_t known = atomic_load(&arena->buffer[number]);
    uint64_t said = atomic_load(&arena->wire->ring[number].buffer);
    if (!known && arena_own(arena, said, size, WIRE_PROCESSES + 1 + number))
        atomic_store(&arena->buffer[number], known = said);
    return known && known == said ? (const uint64_t *)((const char *)arena->wire + known) : NULL;
}

enum arena_ring_found arena_ring(struct arena *arena, uint32_t number, struct arena_ring *ring)
{
    struct wire_ring *shared = &arena->wire->ring[number];
    if (!arena_ring_busy(shared) && !arena_ring_last(shared))
        return ARENA_RING_NONE;
    uint32_t process = shared->process;
    if (process >= WIRE_PROCESSES)
        return ARENA_RING_DAMAGED;
    *ring = (struct arena_ring){.shared = shared,
                                .slot = arena_slot(arena, process),
                                .words = words_of(arena, number),
                                .tail = atomic_load(&shared->tail),
                                .head = arena_ring_head(shared),
                                .tid = shared->tid};
    if (!ring->slot) /* a process fills in its slot before any ring */
        return ARENA_RING_DAMAGED;
    ring->tail = arena_ring_begin(shared, ring->tail, ring->head);
    if (!ring->words || !arena_ring_holds(ring->tail, ring->head)) {
        arena_damage(ring->slot);
        return ARENA_RING_DAMAGED;
    }
    memcpy(ring->name, shared->name, sizeof ring->name - 1);
    return ARENA_RING_THERE;
}

uint64_t arena_ring_discard(struct wire_ring *ring)
{
    uint64_t head = arena_ring_head(ring);
    arena_ring_keep(ring, head);
    return head;
}

void arena_ring_discard_number(struct arena *arena, uint32_t number)
{
    arena_ring_discard(&arena->wire->ring[number]);
}

bool arena_ring_hold(struct wire_ring *ring, uint64_t tail, uint64_t *limit)
{
    *limit = atomic_load_explicit(&ring->limit, memory_order_relaxed);
    return !(*limit & WIRE_RING_HELD) && *limit - tail <= WIRE_RING_WORDS - 2 * WIRE_PAGE_WORDS &&
           atomic_compare_exchange_strong(&ring->limit, limit, *limit | WIRE_RING_HELD);
}

void arena_ring_let_go(struct wire_ring *ring, uint64_t limit)
{
    atomic_store_explicit(&ring->limit, limit, memory_order_release);
}

void arena_ring_punch(struct arena *arena, const uint64_t *words, uint64_t from, uint64_t to)
{
    uint64_t buffer = (uint64_t)((const char *)words - (const char *)arena->wire);
    if (from < to)
        fallocate(arena->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                  (off_t)(buffer + from * sizeof(uint64_t)), (off_t)((to - from) * sizeof(uint64_t)));
}

void arena_ring_release(struct arena *arena, struct wire_ring *ring, uint64_t tail, uint64_t *waits,
                        uint64_t *waited_ns)
{
    const uint64_t most = 1ull << 53;
    uint64_t times = atomic_exchange(&ring->waits, 0), ns = atomic_exchange(&ring->waited_ns, 0);
    *waits += times < most ? times : most;
    *waited_ns += ns < most ? ns : most;
    /* The next owner continues where this one ended. */
    if (arena_ring_head(ring) != tail)
        atomic_store(&ring->head, tail);
    if (atomic_load(&ring->begin) > tail)
        atomic_store(&ring->begin, tail);
    arena_ring_keep(ring, tail);
    atomic_store(&ring->buffer, atomic_load(&arena->buffer[ring - arena->wire->ring]));
    atomic_store(&ring->state, WIRE_RING_FREE);
}
