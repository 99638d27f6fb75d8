/* thread.h - what a thread needs to record: its ring, and the memory for its stacks.
 *
 * A signal handler that interrupts a hook records through a state and ring of its own (the next level), so
 * nothing of the interrupted one is touched. States belong to ring slots and are used again with them.
 */
#ifndef LIBTRACE_THREAD_H
#define LIBTRACE_THREAD_H

#include "arena.h"
#include "guest.h"
#include "session.h"
#include "unwind.h"

#include <x86intrin.h>

struct thread {
    volatile uintptr_t busy; /* frame address of the hook that is at work on this state; 0 = none */
    uint64_t epoch;          /* the gate's, when this state was made or checked last */
    uint64_t head;           /* words published */
    uint64_t *words;         /* the ring's: a window on the arena; NULL = none yet */
    struct wire_ring *ring;
    void *made;     /* block of the last allocation event, see newdelete.c */
    void *deleting; /* block that operator delete has recorded and is giving back */
    size_t asked;   /* one more than what operator new with an alignment was asked for; 0 = none at work */

    uint64_t limit;   /* head up to which there is room for now */
    uint64_t begin;   /* no word before it is in the collector's way, whatever the tail says */
    uint64_t woken;   /* head when the collector was woken last */
    uint64_t stamp;   /* time of the last stamped event, in stamp units; 0 = never */
    uint64_t stamped; /* head then */
    uint64_t buffer;  /* where in the arena words are */
    uint32_t level;
    uint32_t part; /* session_part when the ring was claimed: later the ring is somebody else's memory */
    uint32_t tid;
    uint32_t paused;       /* libtrace_pause() without libtrace_resume(): allocations do not count */
    volatile bool passing; /* what we do now is not the program's: hooks pass through */
    struct thread *inner;  /* the next level's state */
    void *python;          /* preload/python's, NULL = none */
    struct unwind unwind;
} __attribute__((aligned(64))); /* unwind's memory follows */

/* Never NULL: a thread without a state of its own has that one, which is always busy. */
extern __thread struct thread *thread_self __attribute__((tls_model("initial-exec")));
extern HIDDEN struct thread thread_nobody;

/* The slow part of thread_enter: first event of a thread or process, changed modules, a hook within a hook.
 * NULL if this event is not to be recorded. */
struct thread *thread_enter_slow(const void *frame);

/* Waits for room in the ring, and wakes the collector now and then. False: the collector is gone. */
bool thread_wait(struct thread *t);

/* After fork: the threads of the parent are not here, and the one that is has no ring yet. */
void thread_forked(void);

/* After the end of tracing, and a memory barrier of all threads: true if no thread is inside the recorder, so
 * that the arena can go. */
bool thread_all_out(void);

/* When a part ends, which no thread is in any more: the windows on rings go. */
void thread_close_rings(void);

/* Before a new part begins: the states of threads that live belong to them, the others may be used again. */
void thread_new_part(void);

/* Takes the state of the calling thread for one event; give it back with thread_leave(). NULL: do not record.
 */
INLINE struct thread *thread_enter(const void *frame)
{
    struct thread *t = thread_self;
    if (UNLIKELY(t->busy))
        return thread_enter_slow(frame);
    t->busy = (uintptr_t)frame;
    SIGNAL_FENCE();
    /* After saying "busy": who has changed the epoch and sees us not busy, knows that we will see it. */
    if (UNLIKELY(t->epoch != atomic_load_explicit(&gate->epoch, memory_order_relaxed))) {
        t->busy = 0;
        return thread_enter_slow(frame);
    }
    return t;
}

/* The collector may set it, too. Read as what it is not, an ordinary word, as GCC makes two instructions of the atomic
 * load and forgets what it had in registers; nobody minds if the next event is the first to see it. */
INLINE uint64_t ring_ask(const struct wire_ring *ring)
{
    return *(const uint64_t *)(const void *)&ring->ask;
}

/* The same if nothing at all is special about the next event: the ring, for what follows. Else NULL, and nothing has
 * happened. special: not 0, if something is. */
INLINE struct wire_ring *thread_enter_quick(struct thread *t, const void *frame, uint64_t special)
{
    if (UNLIKELY(t->busy | special))
        return NULL;
    t->busy = (uintptr_t)frame;
    SIGNAL_FENCE();
    uint64_t epoch = atomic_load_explicit(&gate->epoch, memory_order_relaxed);
    struct wire_ring *ring = t->ring;
    if (UNLIKELY(t->epoch != epoch || t->head >= ring_ask(ring))) {
        t->busy = 0;
        return NULL;
    }
    return ring;
}

INLINE void thread_leave(struct thread *t)
{
    SIGNAL_FENCE();
    t->busy = 0;
}

/* ---- writing events -------------------------------------------------------------------------- */

#define RING_MASK (WIRE_RING_WORDS - 1)
#define RING_STAMP_WORDS 16 /* so far apart are stamps: reading the clock takes longer than all the rest */
#define RING_EVENT_WORDS 5  /* the most that one event takes: stamp, huge, two of its own, one spare */

INLINE void ring_word(struct thread *t, uint64_t word)
{
    t->words[t->head++ & RING_MASK] = word;
}

/* Room and time for the next event, of which word is the type: that, and its elapsed bits. UINT64_MAX: the
 * collector is gone. */
uint64_t ring_begin_slow(struct thread *t, uint64_t word);

INLINE uint64_t ring_begin(struct thread *t, enum wire_event type)
{
    uint64_t word = (uint64_t)type << WIRE_TYPE_SHIFT;
    return LIKELY(t->head < ring_ask(t->ring)) ? word : ring_begin_slow(t, word);
}

/* The last words of an event, from word on: what ring_begin() said, or the type alone. */
INLINE void ring_end(struct thread *t, struct wire_ring *ring, uint64_t word, const void *block)
{
    uint64_t head = t->head;
    t->words[head & RING_MASK] = word | ((uint64_t)(uintptr_t)block & WIRE_ADDRESS_MASK);
    t->head = head + 1;
    atomic_store_explicit(&ring->head, head + 1, memory_order_release);
}

/* The ring's lines have been in the collector's cache since they were written last. Fetched ahead, for
 * writing, as in a program that has full barriers, such as a locked instruction, each of these waits for our
 * stores, too. An instruction that older processors step over; compilers only know it by an option. At the
 * ring's end it is other memory that is fetched, which matters to nobody. */
#define RING_AHEAD 64 /* words */

INLINE void ring_fetch(const struct thread *t)
{
    __asm__ volatile("prefetchw %0" : : "m"(t->words[(t->head & RING_MASK) + RING_AHEAD]));
}

INLINE void ring_end_block(struct thread *t, struct wire_ring *ring, uint64_t word, const void *block,
                           uint32_t size, uint32_t node)
{
    uint64_t head = t->head, *words = t->words;
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

INLINE void ring_put_block(struct thread *t, enum wire_event type, const void *block, size_t size,
                           uint32_t node)
{
    uint64_t word = ring_begin(t, type);
    if (UNLIKELY(word == UINT64_MAX))
        return;
    if (UNLIKELY(size >> 32))
        ring_word(t, (uint64_t)WIRE_HUGE << WIRE_TYPE_SHIFT | size >> 32);
    ring_end_block(t, t->ring, word, block, (uint32_t)size, node);
}

#endif
