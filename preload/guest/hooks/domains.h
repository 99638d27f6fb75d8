/* domains.h - replaces CPython's allocators of objects and their memory by ours, which record. */
#ifndef LIBTRACE_PYTHON_DOMAINS_H
#define LIBTRACE_PYTHON_DOMAINS_H

#include "frames.h"
#include "objects.h"
#include "process.h"
#include "processor.h"
#include "record.h"

/* Installs our functions before the interpreter's, unless they are installed. The caller must hold the
 * GIL, run before main, or be the thread that has loaded the interpreter. Does nothing while another
 * thread is doing it. */
void domains_take(void);

/* Restores what was there if our functions are still on top; otherwise they stay, and only pass calls on.
 * Needs the GIL. */
void domains_give_back(void);

/* Called now and then for native allocations on threads that run Python. Somebody may have replaced the
 * allocators without calling those below: PYTHONMALLOC and the development mode do so while the
 * interpreter starts. */
void domains_look(struct thread *t, struct python_thread *mine, void *state);

/* 3.13+: sees objects that are taken from free lists. A tracer that was installed before is called from
 * ours. Needs the GIL. See recycle.c. */
void recycle_start(void);

/* After a detach: gives the hook back to the tracer that had it before, unless it was replaced. Needs the
 * GIL. */
void recycle_stop(void);

python_tracer recycle_event;
extern HIDDEN python_tracer *const *recycle_hook;

/* True if another tracer has been installed, or ours removed. */
static inline bool recycle_lost(void)
{
    return *recycle_hook != recycle_event;
}

/* Up to 3.11 the current thread state is that of the GIL's holder: code that breaks the rule would read another
 * thread's frames, which the pthread_t in the state shows. */
INLINE bool domains_is_own(const struct python_layout *layout, const void *state)
{
    return frames_word((uintptr_t)state, layout->thread_id) == processor_thread_descriptor();
}

/* The thread state of the caller, which should hold the GIL; NULL if it does not. */
INLINE void *domains_state(void)
{
    void *state = python.current_thread();
    if (UNLIKELY(!state) ||
        (UNLIKELY(python.layout.version < PYTHON_VERSION(3, 12)) && !domains_is_own(&python.layout, state)))
        return NULL;
    return state;
}

/* The node of the stack from which a hook of the interpreter was called, see unwind_stack(). Needs the
 * GIL. state: from domains_state(). */
INLINE uint32_t domains_stack(struct thread *t, struct python_thread *mine, const void *frame, void *state)
{
    if (LIKELY(mine && settings.stack != STACK_BOTH)) {
        if (UNLIKELY(!state))
            state = python.own_thread();
        uint32_t node = LIKELY(state != NULL) ? frames_node(mine, (uintptr_t)state) : 0;
        if (LIKELY(node))
            return node;
    }
    return record_stack_slow(t, frame);
}

#endif
