/* record.h - one event of the program: from the hook to the ring.
 *
 * Every function keeps errno and may be called at any time by any thread. "frame" is the frame address of
 * the hook, a function that keeps its frame pointer: the stack starts at its caller.
 */
#ifndef LIBTRACE_RECORD_H
#define LIBTRACE_RECORD_H

#include "thread.h"

/* Allocations and frees that ld.so makes for itself mean that modules may come or go. */
INLINE void record_caller(const void *frame)
{
    uintptr_t caller = ((const uintptr_t *)frame)[1];
    if (UNLIKELY(caller - gate->loader_start < gate->loader_size))
        session_new_epoch();
}

/* The node of the stack that a native hook was called from. Python's frames included, see LIBTRACE_STACK. */
uint32_t record_stack_slow(struct thread *t, const void *frame);
extern bool record_plain; /* true: native stacks only, and no checks of them */

INLINE uint32_t record_stack(struct thread *t, const void *frame)
{
    if (LIKELY(record_plain))
        return unwind_stack(&t->unwind, frame);
    return record_stack_slow(t, frame);
}

/* After the allocator returned block. */
INLINE void record_alloc(void *block, size_t size, const void *frame)
{
    struct thread *t = thread_enter(frame);
    if (UNLIKELY(!t))
        return;
    if (LIKELY(!t->paused))
        ring_put_block(t, WIRE_ALLOC, block, size, record_stack(t, frame));
    t->made = block;
    thread_leave(t);
    record_caller(frame);
}

/* Before the allocator gets block back. */
INLINE void record_free(void *block, const void *frame)
{
    struct thread *t = thread_enter(frame);
    if (UNLIKELY(!t))
        return;
    if (LIKELY(block != t->deleting))
        ring_put(t, WIRE_FREE, block);
    thread_leave(t);
    record_caller(frame);
}

/* Around realloc: before, with the old block; after, if it failed. The new block is an allocation. */
INLINE void record_realloc(enum wire_event event, void *block, const void *frame)
{
    struct thread *t = thread_enter(frame);
    if (UNLIKELY(!t))
        return;
    ring_put(t, event, block);
    thread_leave(t);
}

#endif
