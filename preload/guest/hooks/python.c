/* python.c - see python.h. */
#include "python.h"
#include "domains.h"
#include "finalize.h"
#include "hybrid.h"
#include "process.h"
#include "record.h"

void python_look(void)
{
    if (settings.stack == STACK_NATIVE || python_active || !interpreter_find())
        return;
    if (attach_generation) {
        python_attach();
        return;
    }
    /* The interpreter has not started yet, or is starting on this thread: no other thread is using its
     * allocators. */
    domains_take();
    finalize_watch();
    python_active = true;
    record_plain = false;
}

static int take_now(void *unused)
{
    (void)unused;
    if (tracing_live()) {
        domains_take();
        recycle_start();
    }
    return 0;
}

static int give_back_now(void *unused)
{
    (void)unused;
    if (!tracing_live()) {
        domains_give_back();
        recycle_stop();
    }
    return 0;
}

void python_attach(void)
{
    if (settings.stack == STACK_NATIVE || !interpreter_find() || !python.add_pending_call ||
        !python.is_initialized || !python.is_initialized())
        return;
    python.add_pending_call(take_now, NULL);
    finalize_watch();
    python_active = true;
    record_plain = false;
}

void python_detach(void)
{
    if (python_active)
        python.add_pending_call(give_back_now, NULL);
}

uint32_t python_stack(struct thread *t, const void *frame)
{
    struct python_thread *mine = python_thread_of(t);
    /* From 3.12 on the quick way needs no look-up by key, but knows only attached threads. */
    void *state = python.layout.version >= PYTHON_VERSION(3, 12) ? python.current_thread() : NULL;
    if (!state)
        state = python.own_thread();
    if (!mine || !state)
        return 0;
    domains_look(t, mine, state);
    uint32_t node = settings.stack == STACK_BOTH ? hybrid_node(t, mine, (uintptr_t)state, frame)
                                                 : frames_node(mine, (uintptr_t)state);
    if (!node)
        finalize_look(t);
    return node;
}
