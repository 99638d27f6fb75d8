/* enter.h - the calling thread's state, for one event. */
#ifndef LIBTRACE_ENTER_H
#define LIBTRACE_ENTER_H

#include "gate.h"
#include "guest_assert.h"
#include "ring.h"
#include "thread.h"

/* The slow part of thread_enter(): the first event of a thread or process, changed modules, a hook within
 * a hook. NULL if this event must not be recorded. */
struct thread *thread_enter_slow(const void *frame);

/* Takes the state of the calling thread for one event; release it with thread_leave(). NULL: do not record. */
INLINE struct thread *thread_enter(const void *frame)
{
    struct thread *t = thread_self;
    if (UNLIKELY(t->busy))
        return thread_enter_slow(frame);
    t->busy = (uintptr_t)frame;
    SIGNAL_FENCE();
    /* After setting busy: whoever changes the epoch and then sees us not busy knows that we will see the
     * change. */
    if (UNLIKELY(t->epoch != atomic_load_explicit(&gate->epoch, memory_order_relaxed))) {
        t->busy = 0;
        return thread_enter_slow(frame);
    }
    return t;
}

/* The same if nothing about the next event is special: returns the ring. Else returns NULL, and nothing
 * has happened. special: nonzero if something is. */
INLINE struct wire_ring *thread_enter_quick(struct thread *t, const void *frame, uint64_t special)
{
    if (UNLIKELY(t->busy | special))
        return NULL;
    t->busy = (uintptr_t)frame;
    SIGNAL_FENCE();
    uint64_t epoch = atomic_load_explicit(&gate->epoch, memory_order_relaxed);
    struct wire_ring *ring = t->ring;
    if (UNLIKELY(t->epoch != epoch || t->head >= ring_slow_at(ring))) {
        t->busy = 0;
        return NULL;
    }
    return ring;
}

INLINE void thread_leave(struct thread *t)
{
    guest_assert(t->busy && t != &thread_nobody);
    SIGNAL_FENCE();
    t->busy = 0;
}

#endif
