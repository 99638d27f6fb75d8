/* rings.h - ring slots, as the collector sees them. The drain loop reads the words itself, through a
 * pointer from here, with masked indices: whatever they contain, it stays within the ring. */
#ifndef LIBTRACE_ARENA_RINGS_H
#define LIBTRACE_ARENA_RINGS_H

#include "arena_reader.h"

struct arena_ring {
    struct wire_ring *shared;
    struct arena_slot *slot; /* of its process */
    const uint64_t *words;   /* WIRE_RING_WORDS of them */
    uint64_t tail, head;     /* words consumed, and words published: never more than fit behind tail */
    uint32_t tid;
    char name[16]; /* NUL-terminated */
};

enum arena_ring_found {
    ARENA_RING_NONE,    /* not in use, or its process is not known yet */
    ARENA_RING_THERE,   /* *ring is filled in */
    ARENA_RING_DAMAGED, /* in use, but not readable: arena_ring_discard() lets its thread go on */
};

/* Slots that have ever been used. */
uint32_t arena_rings(const struct arena *arena);

enum arena_ring_found arena_ring(struct arena *arena, uint32_t number, struct arena_ring *ring);

/* Marks everything in a ring as consumed, unread. Returns its head. */
uint64_t arena_ring_discard(struct wire_ring *ring);
void arena_ring_discard_number(struct arena *arena, uint32_t number);

bool arena_ring_busy(const struct wire_ring *ring); /* of a thread that has not announced its end */
bool arena_ring_last(const struct wire_ring *ring); /* it belongs to a thread that has */

/* Frees a slot that a thread of this process, which is gone, was about to take. */
void arena_ring_unclaim(struct arena *arena, uint32_t number, const struct arena_slot *slot);

bool arena_ring_free(const struct arena *arena,
                     uint32_t number); /* it belongs to nobody, and nobody is taking it */

/* Makes the ring's thread take its slow path at the next event, which wakes a sleeping collector; false
 * once it has done so. */
void arena_ring_arm(struct wire_ring *ring);
bool arena_ring_armed(const struct wire_ring *ring);

/* Keeps the ring's writer from going beyond its limit; false if it is held already, or the limit is
 * impossible, or there is nothing to take back. It goes on when the same limit is set again. */
bool arena_ring_hold(struct wire_ring *ring, uint64_t tail, uint64_t *limit);
void arena_ring_let_go(struct wire_ring *ring, uint64_t limit);

/* Returns the memory of some of the ring's words, which then read as zeroes. */
void arena_ring_punch(struct arena *arena, const uint64_t *words, uint64_t from, uint64_t to);

/* Frees the slot for another thread, with what was consumed; adds how often and how long its thread
 * waited. */
void arena_ring_release(struct arena *arena, struct wire_ring *ring, uint64_t tail, uint64_t *waits,
                        uint64_t *waited_ns);

/* Words published. Only valid if no more than fit behind the tail. */
static inline uint64_t arena_ring_head(const struct wire_ring *ring)
{
    return atomic_load_explicit(&ring->head, memory_order_acquire);
}

/* The first word to read: the writer may have skipped some behind the tail. */
static inline uint64_t arena_ring_begin(const struct wire_ring *ring, uint64_t tail, uint64_t head)
{
    uint64_t begin = atomic_load_explicit(&ring->begin, memory_order_relaxed);
    return __builtin_expect(begin > tail && begin <= head, 0) ? begin : tail;
}

/* True if a ring can hold that many words. */
static inline bool arena_ring_holds(uint64_t tail, uint64_t head)
{
    return head >= tail && head - tail <= WIRE_RING_WORDS;
}

/* The collector's heartbeat. A sweep over many full rings takes seconds, and a program that sees no
 * heartbeat for long assumes that the collector is dead: so it beats with every ring, not with every
 * sweep. */
static inline void arena_beat(struct arena *arena)
{
    _Atomic uint32_t *beat = &arena->wire->beat;
    atomic_store_explicit(beat, atomic_load_explicit(beat, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* Lets the writer overwrite the words before tail. */
static inline void arena_ring_consumed(struct wire_ring *ring, uint64_t tail)
{
    atomic_store_explicit(&ring->tail, tail, memory_order_release);
}

/* The same for a tail that should be there already: writes only if it is not. */
static inline void arena_ring_keep(struct wire_ring *ring, uint64_t tail)
{
    if (__builtin_expect(atomic_load_explicit(&ring->tail, memory_order_relaxed) != tail, 0))
        arena_ring_consumed(ring, tail);
}

#endif
