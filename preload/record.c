/* record.c - what recording an allocation's stack may need beyond the fast path. */
#include "record.h"
#include "python/python.h"
#include "stack/stacks.h"

#include <string.h>

bool record_plain = true;

/* True if the node is the stack that libunwind sees. */
static bool same_stack(const struct unwind *u, uint32_t node, uint32_t first, uint32_t count)
{
    uint32_t path[1024 + 1], depth = 0;
    while (node != WIRE_NODE_ROOT && node != WIRE_NODE_CUT && depth < u->depth) {
        uint64_t key = stacks_node(node);
        path[depth++] = (uint32_t)key;
        node = (uint32_t)(key >> 32);
    }
    uint32_t expected = count - first > u->depth ? u->depth : count - first;
    if (depth != expected)
        return false;
    for (uint32_t i = 0; i < depth; i++)
        if (stacks_frame_value(path[i]) != (uint64_t)(uintptr_t)u->buffer[first + i])
            return false;
    return true;
}

static void check_stack(struct thread *t, const void *frame, uint32_t node)
{
    uint32_t first, count = fallback_walk(&t->unwind, ((const uint64_t *)frame)[1], &first);
    atomic_fetch_add(&process->stacks_checked, 1);
    if (count == 0 || !same_stack(&t->unwind, node, first, count))
        atomic_fetch_add(&process->stacks_different, 1);
}

/* Not cold: every native block of a Python program. */
__attribute__((noinline)) uint32_t record_stack_slow(struct thread *t, const void *frame)
{
    uint32_t node = python_active ? python_stack(t, frame) : 0;
    if (node)
        return node;
    node = unwind_stack(&t->unwind, frame);
    if (settings.check_stacks) {
        t->passing = true; /* libunwind may allocate */
        check_stack(t, frame, node);
        t->passing = false;
    }
    return node;
}

static inline uint32_t record_stack(struct thread *t, const void *frame)
{
    return LIKELY(record_plain) ? unwind_stack(&t->unwind, frame) : record_stack_slow(t, frame);
}

/* Not cold: every few events where there are threads. */
__attribute__((noinline)) void *record_alloc_slow(void *block, size_t size, const void *frame)
{
    struct thread *t = thread_enter(frame);
    if (UNLIKELY(!t))
        return block;
    if (LIKELY(!t->paused))
        ring_put_block(t, WIRE_ALLOC, block, size, record_stack(t, frame));
    t->made = block;
    thread_leave(t);
    if (UNLIKELY(record_is_loader(frame)))
        session_new_epoch();
    return block;
}

__attribute__((noinline)) void *record_free_slow(void *block, const void *frame)
{
    struct thread *t = thread_enter(frame);
    if (UNLIKELY(!t))
        return block;
    if (LIKELY(block != t->deleting))
        ring_put(t, WIRE_FREE, block);
    thread_leave(t);
    /* It may have used up the look at the world that an allocation of the loader's was to lead to. */
    if (UNLIKELY(record_is_loader(frame)))
        session_new_epoch();
    return block;
}

__attribute__((noinline)) void *record_alloc_walk(struct thread *t, void *block, size_t size,
                                                  const void *frame)
{
    uint32_t node = LIKELY(record_plain) ? unwind_unforeseen(&t->unwind, frame) : record_stack_slow(t, frame);
    ring_end_block(t, (uint64_t)WIRE_ALLOC << WIRE_TYPE_SHIFT, block, (uint32_t)size, node);
    t->made = block;
    thread_leave(t);
    if (UNLIKELY(record_is_loader(frame)))
        session_new_epoch();
    return block;
}
