/* record.h - one event of the program: from the hook to the ring.
 *
 * Every function keeps errno, and may be called at any time by any thread. "frame" is the frame address of the hook, a
 * function that keeps its frame pointer: the recorded stack starts at its caller.
 */
#ifndef LIBTRACE_RECORD_H
#define LIBTRACE_RECORD_H

#include "enter.h"
#include "processor.h"

/* ld.so's own allocations mean that modules may be loaded. Unloaded ones only matter when others, or other
 * code, take their place: see rules.c. */
INLINE bool record_is_loader(const void *frame)
{
    return processor_return_address(frame) - gate->loader_start < gate->loader_size;
}

/* The node of the stack from which a native hook was called, including Python's frames, see
 * LIBTRACE_STACK. */
uint32_t record_stack_slow(struct thread *t, const void *frame);
extern HIDDEN bool record_plain; /* true: native stacks only, and no checks of them */

INLINE uint32_t record_stack(struct thread *t, const void *frame)
{
    return LIKELY(record_plain) ? unwind_stack(&t->unwind, frame) : record_stack_slow(t, frame);
}

/* The same as the functions without "slow", for any event. */
void *record_alloc_slow(void *block, size_t size, const void *frame);
void *record_free_slow(void *block, const void *frame);

/* The rest of record_alloc() if the stack is not the predicted one, or nothing is predicted
 * (!record_plain). */
void *record_alloc_walk(struct thread *t, void *block, size_t size, const void *frame);

/* To be called before the allocator: prefetches where the stack will be looked up, while the allocator is
 * running. */
INLINE struct stack_cache_place record_predict_by(const struct thread *t, const void *frame)
{
    return LIKELY(record_plain) ? predict_stack(t->unwind.predictor, frame) : STACK_CACHE_NOWHERE;
}

INLINE struct stack_cache_place record_predict(const void *frame)
{
    return record_predict_by(thread_self, frame);
}

/* To be called after the allocator returned block, which is returned. t: thread_self, which may have been read before
 * the allocator was called: if it is another one by now, this one's epoch is over, or it is nobody's. */
INLINE void *record_alloc_by(struct thread *t, void *block, size_t size, const void *frame,
                             struct stack_cache_place place)
{
    struct wire_ring *ring = thread_enter_quick(t, frame, size >> 32);
    if (UNLIKELY(!ring))
        return record_alloc_slow(block, size, frame);
    uint32_t node = stack_cache_at(place);
    if (UNLIKELY(!node))
        return record_alloc_walk(t, block, size, frame);
    /* The loader's stacks are never predicted: each of its events begins a new epoch, in which all
     * predictions are forgotten. */
    ring_end_block(t, ring, (uint64_t)WIRE_ALLOC << WIRE_TYPE_SHIFT, block, (uint32_t)size, node);
    t->last_allocated = block;
    thread_leave(t);
    return block;
}

INLINE void *record_alloc(void *block, size_t size, const void *frame, struct stack_cache_place place)
{
    return record_alloc_by(thread_self, block, size, frame, place);
}

/* The size that the program asked for: operator new rounds it up to the alignment before it calls malloc
 * and the like. */
INLINE size_t record_requested_of(size_t *place, size_t size, size_t alignment)
{
    if (LIKELY(!*place))
        return size;
    size_t requested = *place - 1;
    *place = 0;
    return requested <= size && size - requested <= alignment ? requested : size;
}

INLINE size_t record_requested(size_t size, size_t alignment)
{
    return record_requested_of(&thread_self->requested, size, alignment);
}

/* To be called before block is passed to the allocator; returns block. */
INLINE void *record_free(void *block, const void *frame)
{
    struct thread *t = thread_self;
    struct wire_ring *ring = thread_enter_quick(t, frame, 0);
    if (UNLIKELY(!ring))
        return record_free_slow(block, frame);
    if (LIKELY(block != t->deleted))
        ring_end(t, ring, (uint64_t)WIRE_FREE << WIRE_TYPE_SHIFT, block);
    thread_leave(t);
    return block;
}

/* Around realloc: called with the old block before, and after it if it failed. The new block is an
 * allocation. */
INLINE void record_realloc(enum wire_event event, void *block, const void *frame)
{
    struct thread *t = thread_enter(frame);
    if (UNLIKELY(!t))
        return;
    ring_put(t, event, block);
    thread_leave(t);
}

#endif
