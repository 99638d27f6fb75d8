/* sampled.c - see sampled.h. */
#include "sampled.h"
#include "modules.h"
#include "probes.h"
#include "rules.h"

struct thread *sampled_look(struct thread *t, const void *frame)
{
    int saved = errno;
    enum modules_change change = modules_refresh(rules_flush);
    errno = saved;
    if (LIKELY(change == MODULES_SAME))
        return t;
    gate_next_epoch();
    thread_leave(t);
    return thread_enter(frame);
}

NOINLINE bool sampled_live_slow(const void *frame)
{
    struct thread *t = thread_enter(frame);
    if (t)
        thread_leave(t);
    return tracing_live();
}

__attribute__((noinline)) void *sampled_made(void *block, size_t size, const void *frame)
{
    if (UNLIKELY(!block)) {
        sampler_undo(size);
        return NULL;
    }
    if (UNLIKELY(!sampled_live(frame))) {
        sampler_rest();
        return block;
    }
    bool held = sampler_held(), taken = sampler_takes(size);
    if (held) /* this was no event of an object */
        sampler_hold();
    struct thread *t = taken ? thread_enter(frame) : NULL;
    if (!t)
        return block;
    sampler_says_own();
    if (LIKELY(!t->paused) && (t = sampled_look(t, frame))) {
        uint32_t node = record_stack(t, frame);
        sample_set_add(block);
        ring_stamp_next(t);
        ring_put_block(t, WIRE_ALLOC, block, size, node);
        probes_alloc(block, size);
    }
    if (LIKELY(t != NULL))
        thread_leave(t);
    return block;
}

static void put(enum wire_event type, void *block, const void *frame)
{
    struct thread *t = thread_enter(frame);
    if (UNLIKELY(!t))
        return;
    ring_stamp_next(t);
    ring_put(t, type, block);
    thread_leave(t);
}

__attribute__((noinline)) void sampled_freed(void *block, const void *frame)
{
    probes_free(block);
    put(WIRE_FREE, block, frame);
}

void sampled_resizes(void *block, const void *frame)
{
    put(WIRE_REALLOC_BEGIN, block, frame);
}

/* The collector has taken it for gone. */
void sampled_stays(void *block, const void *frame)
{
    sample_set_add(block);
    put(WIRE_REALLOC_FAIL, block, frame);
}
