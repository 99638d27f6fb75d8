/* rings.h - ring slots as the collector finds them. The words themselves are read by the drain loop, through
 * a pointer from here and with masked places: whatever is in there, it reads within the ring. */
#ifndef LIBTRACE_ARENA_RINGS_H
#define LIBTRACE_ARENA_RINGS_H

#include "arena_reader.h"

struct arena_ring {
    struct wire_ring *shared;
    struct arena_slot *slot; /* of its process */
    const uint64_t *words;   /* WIRE_RING_WORDS of them */
    uint64_t tail, head;     /* words consumed, and published, which are not more than fit */
    uint32_t tid;
    char name[16]; /* ends with a NUL */
};

enum arena_ring_found {
    ARENA_RING_NONE,    /* not in use, or its process is not there yet */
    ARENA_RING_THERE,   /* *ring is filled in */
    ARENA_RING_DAMAGED, /* in use, but cannot be read: arena_ring_discard() keeps its thread going */
};

/* Slots that were ever used. */
uint32_t arena_rings(const struct arena *arena);

enum arena_ring_found arena_ring(struct arena *arena, uint32_t number, struct arena_ring *ring);

/* Takes all that a ring holds for consumed, unseen. Returns its head. */
uint64_t arena_ring_discard(struct wire_ring *ring);
void arena_ring_discard_number(struct arena *arena, uint32_t number);

bool arena_ring_busy(const struct wire_ring *ring); /* belongs to a thread that has not said it is ending */
bool arena_ring_last(const struct wire_ring *ring); /* to one that has */

/* Gives a slot back that a thread of this process, which is gone, was about to take. */
void arena_ring_unclaim(struct arena *arena, uint32_t number, const struct arena_slot *slot);

bool arena_ring_free(const struct arena *arena,
                     uint32_t number); /* belongs to nobody, and nobody is taking it */

/* Has the ring's thread take the slow way at its next event, which wakes who sleeps; false once it has. */
void arena_ring_arm(struct wire_ring *ring);
bool arena_ring_armed(const struct wire_ring *ring);

/* Keeps the ring's writer from going on behind its limit; false if it is kept already, or the limit
 * cannot be right, or leaves nothing to be taken back. It goes on once the same limit is set. */
bool arena_ring_hold(struct wire_ring *ring, uint64_t tail, uint64_t *limit);
void arena_ring_let_go(struct wire_ring *ring, uint64_t limit);

/* Gives the memory of some of the ring's words back, which read as zeroes then. */
void arena_ring_punch(struct arena *arena, const uint64_t *words, uint64_t from, uint64_t to);

/* Gives the slot back for another thread, with what was consumed; adds to how often and long was waited. */
void arena_ring_release(struct arena *arena, struct wire_ring *ring, uint64_t tail, uint64_t *waits,
                        uint64_t *waited_ns);

/* Words published; to be believed only if they are not more than fit behind the tail. */
static inline uint64_t arena_ring_head(const struct wire_ring *ring)
{
    return atomic_load_explicit(&ring->head, memory_order_acquire);
}

/* Where the words to be read begin: the writer may have skipped some behind the tail. */
static inline uint64_t arena_ring_begin(const struct wire_ring *ring, uint64_t tail, uint64_t head)
{
    uint64_t begin = atomic_load_explicit(&ring->begin, memory_order_relaxed);
    return __builtin_expect(begin > tail && begin <= head, 0) ? begin : tail;
}

/* True if so much can be in a ring. */
static inline bool arena_ring_holds(uint64_t tail, uint64_t head)
{
    return head >= tail && head - tail <= WIRE_RING_WORDS;
}

/* The collector's heartbeat. A sweep over many full rings takes seconds, and a program that sees no sign of
 * life for long takes the collector for dead: so it beats with every turn of a ring, not with every sweep. */
static inline void arena_beat(struct arena *arena)
{
    _Atomic uint32_t *beat = &arena->wire->beat;
    atomic_store_explicit(beat, atomic_load_explicit(beat, memory_order_relaxed) + 1, memory_order_relaxed);
}

/* The words before tail may be written over. */
static inline void arena_ring_consumed(struct wire_ring *ring, uint64_t tail)
{
    atomic_store_explicit(&ring->tail, tail, memory_order_release);
}

/* The same where it should be known already. */
static inline void arena_ring_keep(struct wire_ring *ring, uint64_t tail)
{
    if (__builtin_expect(atomic_load_explicit(&ring->tail, memory_order_relaxed) != tail, 0))
        arena_ring_consumed(ring, tail);
}

#endif
