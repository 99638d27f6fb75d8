/* domains.h - stands in for CPython's allocators of objects and of their memory. */
#ifndef LIBTRACE_PYTHON_DOMAINS_H
#define LIBTRACE_PYTHON_DOMAINS_H

#include "frames.h"
#include "process.h"
#include "processor.h"
#include "record.h"

/* Puts our functions before the interpreter's, unless they are there already. The caller either holds the
 * GIL, or runs before main, or is the one to have loaded the interpreter. Does nothing while another thread
 * is at it. */
void domains_take(void);

/* Puts back what was there, where ours are still on top; else they stay and pass everything on. With the GIL
 * held. */
void domains_give_back(void);

/* Called now and then for native allocations on threads that run Python. Somebody may have replaced the
 * allocators without asking what was there: PYTHONMALLOC and the development mode do while the interpreter
 * starts. */
void domains_look(struct thread *t, struct python_thread *mine, void *state);

/* 3.13+: sees objects that come from free lists. Whoever has the interpreter's hook for that is called from
 * ours. With the GIL held. See recycle.c. */
void recycle_start(void);

/* After a detach: gives the hook back to who had it before, if we still have it. With the GIL held. */
void recycle_stop(void);

python_tracer recycle_event;
extern HIDDEN python_tracer *const *recycle_hook;

/* Somebody else took the hook, or gave it up. */
static inline bool recycle_lost(void)
{
    return *recycle_hook != recycle_event;
}

/* Who calls here holds the GIL. Up to 3.11 the current thread state is the GIL holder's, and code that breaks
 * the rule would read another thread's frames: seen by the thread state's thread, which is known by its
 * pthread_t. */
INLINE void *domains_state(void)
{
    void *state = python.current_thread();
    if (UNLIKELY(!state) ||
        (UNLIKELY(python.layout.version < PYTHON_VERSION(3, 12)) &&
         frames_word((uintptr_t)state, python.layout.thread_id) != processor_thread_descriptor()))
        state = python.own_thread();
    return state;
}

/* The node of the stack that a hook of the interpreter's was called from, see unwind_stack(). With the GIL
 * held. */
INLINE uint32_t domains_stack(struct thread *t, struct python_thread *mine, const void *frame)
{
    if (LIKELY(mine && settings.stack != STACK_BOTH)) {
        void *state = domains_state();
        uint32_t node = LIKELY(state != NULL) ? frames_node(mine, (uintptr_t)state) : 0;
        if (LIKELY(node))
            return node;
    }
    return record_stack_slow(t, frame);
}

#endif
