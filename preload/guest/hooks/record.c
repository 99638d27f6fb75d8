/* record.c - what recording an allocation's stack may need beyond the fast path. */
#include "record.h"
#include "deepbind.h"
#include "python.h"
#include "modules.h"
#include "process.h"
#include "sampled.h"
#include "stacks.h"

#include <string.h>

bool record_plain = true;

#define SLOW_PATH __attribute__((noinline)) GUEST_ALIGNED

/* The frames of a node, innermost first. */
static uint32_t frames_of(uint32_t node, uint32_t *path, uint32_t depth)
{
    uint32_t count = 0;
    while (node != WIRE_NODE_ROOT && node != WIRE_NODE_CUT && count < depth) {
        uint64_t key = stacks_node(node);
        path[count++] = (uint32_t)key;
        node = (uint32_t)(key >> 32);
    }
    return count;
}

/* True if libunwind sees the same frames. For a frame that a signal has interrupted, it gives the exact
 * address, we the byte behind it, as for a call. */
static bool same_stack(struct unwind *u, const uint32_t *path, uint32_t depth, uint32_t first, uint32_t count)
{
    bool interrupted = false;
    if (count - first > u->depth ? depth < u->kept.least : depth != count - first)
        return false;
    for (uint32_t i = 0; i < depth; i++) {
        uint64_t ours = stacks_frame_value(path[i]);
        if (ours - interrupted != (uint64_t)(uintptr_t)u->buffer[first + i])
            return false;
        interrupted = rules_find(ours, u->scratch).rule == rule_special(SPECIAL_SIGNAL);
    }
    return true;
}

static bool is_described(struct unwind *u, uint64_t return_address)
{
    struct module module;
    return modules_find(return_address - 1, &module) &&
           cfi_rule(&module.cfi, return_address - 1, u->scratch) != rule_special(SPECIAL_UNKNOWN);
}

/* False if a frame has no call frame information: then libunwind may guess, while we know some runtimes. */
static bool is_comparable(struct unwind *u, const uint32_t *path, uint32_t depth)
{
    for (uint32_t i = 0; i < depth; i++) {
        uint64_t return_address = stacks_frame_value(path[i]);
        uint32_t rule = rules_find(return_address, u->scratch).rule;
        bool by_runtime =
            rule_kind(rule) == RULE_SPECIAL || rule_kind(rule) == RULE_END || rule == RULE_FRAME_POINTER;
        if (by_runtime && !is_described(u, return_address))
            return false;
    }
    return true;
}

static void check_stack(struct thread *t, const void *frame, uint32_t node)
{
    uint32_t path[1024], depth = frames_of(node, path, t->unwind.depth);
    if (!is_comparable(&t->unwind, path, depth)) {
        atomic_fetch_add(&process->stacks_slow, 1);
        return;
    }
    uint32_t first, count = oracle_walk(&t->unwind, processor_return_address(frame), &first);
    atomic_fetch_add(&process->stacks_checked, 1);
    if (count == 0 || !same_stack(&t->unwind, path, depth, first, count))
        atomic_fetch_add(&process->stacks_different, 1);
}

/* Not cold: called for every native block of a Python program. */
SLOW_PATH uint32_t record_stack_slow(struct thread *t, const void *frame)
{
    uint32_t node = python_active ? python_stack(t, frame) : 0;
    if (node)
        return node;
    node = unwind_stack(&t->unwind, frame);
    if (settings.check_stacks) {
        t->pass_through = true; /* libunwind may allocate */
        check_stack(t, frame, node);
        t->pass_through = false;
    }
    return node;
}

static void loader_works(void)
{
    gate_next_epoch();
    deepbind_loader_works();
}

/* Not cold: with several threads, called for every few events. */
SLOW_PATH void *record_alloc_slow(void *block, size_t size, const void *frame)
{
    struct thread *t = thread_enter(frame);
    if (UNLIKELY(!t))
        return block;
    if (UNLIKELY(sampler_interval)) { /* the run has just begun */
        thread_leave(t);
        return sampler_passes(size) ? block : sampled_made(block, size, frame);
    }
    if (LIKELY(!t->paused))
        ring_put_block_slow(t, WIRE_ALLOC, block, size, record_stack(t, frame));
    t->last_allocated = block;
    thread_leave(t);
    if (UNLIKELY(record_is_loader(frame)))
        loader_works();
    return block;
}

SLOW_PATH void *record_free_slow(void *block, const void *frame)
{
    struct thread *t = thread_enter(frame);
    if (UNLIKELY(!t))
        return block;
    if (UNLIKELY(sampler_interval)) { /* the run has just begun: nothing was recorded */
        thread_leave(t);
        return block;
    }
    if (LIKELY(block != t->deleted))
        ring_put_slow(t, WIRE_FREE, block);
    thread_leave(t);
    /* This event may have consumed the new epoch that an allocation of the loader's was meant to cause:
     * cause another. */
    if (UNLIKELY(record_is_loader(frame)))
        loader_works();
    return block;
}

__attribute__((noinline)) void *record_alloc_walk(struct thread *t, void *block, size_t size,
                                                  const void *frame)
{
    uint32_t node =
        LIKELY(record_plain) ? unwind_mispredicted(&t->unwind, frame) : record_stack_slow(t, frame);
    ring_end_block(t, t->ring, (uint64_t)WIRE_ALLOC << WIRE_TYPE_SHIFT, block, (uint32_t)size, node);
    t->last_allocated = block;
    thread_leave(t);
    if (UNLIKELY(record_is_loader(frame)))
        loader_works();
    return block;
}
