/* ring.h - writes events to a thread's ring, for the collector to read. wire.h explains the format. */
#ifndef LIBTRACE_RING_H
#define LIBTRACE_RING_H

#include "guest_assert.h"
#include "processor.h"
#include "thread.h"
#include "wire.h"

/* Waits for room in the ring, and wakes the collector if necessary. False: the collector is gone. */
bool thread_wait(struct thread *t);

/* The collector may write it, too. Read as an ordinary word, since GCC makes two instructions of the atomic
 * load and drops what it had in registers. It does not matter if only the next event sees the change. */
INLINE uint64_t ring_slow_at(const struct wire_ring *ring)
{
    return *(const uint64_t *)(const void *)&ring->slow_at;
}

#define RING_MASK (WIRE_RING_WORDS - 1)
#define RING_STAMP_WORDS 16 /* between stamps: reading the clock takes longer than all the rest */
#define RING_EVENT_WORDS 5  /* the most words that an event takes: stamp, huge, three of its own */

INLINE void ring_word(struct thread *t, uint64_t word)
{
    guest_assert(t->busy && t->head < t->limit);
    t->words[t->head++ & RING_MASK] = word;
}

/* Makes room for the next event, and stamps it if necessary. word: its type. Returns that with the elapsed
 * bits, or UINT64_MAX if the collector is gone. */
uint64_t ring_begin_slow(struct thread *t, uint64_t word);

INLINE uint64_t ring_begin(struct thread *t, enum wire_event type)
{
    uint64_t word = (uint64_t)type << WIRE_TYPE_SHIFT;
    return LIKELY(t->head < ring_slow_at(t->ring)) ? word : ring_begin_slow(t, word);
}

/* Writes an event's last word, and publishes the event. word: from ring_begin(), or the type alone. */
INLINE void ring_end(struct thread *t, struct wire_ring *ring, uint64_t word, const void *block)
{
    uint64_t head = t->head;
    guest_assert(t->busy && ring == t->ring && head >= t->begin);
    t->words[head & RING_MASK] = word | ((uint64_t)(uintptr_t)block & WIRE_ADDRESS_MASK);
    t->head = head + 1;
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

/* The ring's cache lines have been in the collector's cache since they were last read. They are prefetched
 * for writing: in a program with full barriers, such as locked instructions, each barrier would otherwise
 * wait for our stores as well. At the ring's end this fetches other memory, which does no harm. */
#define RING_AHEAD 64 /* words */

INLINE void ring_fetch(const struct thread *t)
{
    processor_fetch_for_writing(&t->words[(t->head & RING_MASK) + RING_AHEAD]);
}

INLINE void ring_end_block(struct thread *t, struct wire_ring *ring, uint64_t word, const void *block,
                           uint32_t size, uint32_t node)
{
    uint64_t head = t->head, *words = t->words;
    guest_assert(t->busy && ring == t->ring && head >= t->begin);
    ring_fetch(t);
    words[head & RING_MASK] = word | ((uint64_t)(uintptr_t)block & WIRE_ADDRESS_MASK);
    words[(head + 1) & RING_MASK] = (uint64_t)node << 32 | size;
    t->head = head + 2;
    atomic_store_explicit(&ring->head, head + 2, memory_order_release);
}

INLINE void ring_put(struct thread *t, enum wire_event type, const void *block)
{
    uint64_t word = ring_begin(t, type);
    if (LIKELY(word != UINT64_MAX))
        ring_end(t, t->ring, word, block);
}

/* word: from ring_begin(). */
INLINE void ring_put_begun(struct thread *t, uint64_t word, const void *block, size_t size, uint32_t node)
{
    if (UNLIKELY(word == UINT64_MAX))
        return;
    if (UNLIKELY(size >> 32))
        ring_word(t, (uint64_t)WIRE_HUGE << WIRE_TYPE_SHIFT | size >> 32);
    ring_end_block(t, t->ring, word, block, (uint32_t)size, node);
}

INLINE void ring_put_block(struct thread *t, enum wire_event type, const void *block, size_t size,
                           uint32_t node)
{
    ring_put_begun(t, ring_begin(t, type), block, size, node);
}

/* The same two, for when a stamp is most likely due: checking that would cost more. */
INLINE void ring_put_slow(struct thread *t, enum wire_event type, const void *block)
{
    uint64_t word = ring_begin_slow(t, (uint64_t)type << WIRE_TYPE_SHIFT);
    if (LIKELY(word != UINT64_MAX))
        ring_end(t, t->ring, word, block);
}

INLINE void ring_put_block_slow(struct thread *t, enum wire_event type, const void *block, size_t size,
                                uint32_t node)
{
    ring_put_begun(t, ring_begin_slow(t, (uint64_t)type << WIRE_TYPE_SHIFT), block, size, node);
}

/* The next event gets a stamp, so that its order among other threads' events is exact. */
INLINE void ring_stamp_next(struct thread *t)
{
    t->stamped = ~t->head; /* as if the last stamp was long ago */
    atomic_store_explicit(&t->ring->slow_at, 0, memory_order_relaxed);
}

/* For events of several words, which are rare. */
INLINE void ring_put_words(struct thread *t, enum wire_event type, const void *address, const uint64_t *more,
                           unsigned count)
{
    ring_stamp_next(t);
    uint64_t word = ring_begin(t, type);
    if (UNLIKELY(word == UINT64_MAX))
        return;
    ring_word(t, word | ((uint64_t)(uintptr_t)address & WIRE_ADDRESS_MASK));
    for (unsigned i = 0; i < count; i++)
        ring_word(t, more[i]);
    atomic_store_explicit(&t->ring->head, t->head, memory_order_release);
}

#endif
