/* domains.h - stands in for CPython's allocators of objects and of their memory. */
#ifndef LIBTRACE_PYTHON_DOMAINS_H
#define LIBTRACE_PYTHON_DOMAINS_H

#include "frames.h"

/* Puts our functions before the interpreter's, unless they are there already. The caller either holds the
 * GIL, or runs before main. */
void domains_take(void);

/* Puts back what was there, where ours are still on top; else they stay and pass everything on. With the GIL
 * held. */
void domains_give_back(void);

/* Called now and then for native allocations on threads that run Python. Somebody may have replaced the
 * allocators without asking what was there: PYTHONMALLOC and the development mode do while the interpreter
 * starts. */
void domains_look(struct thread *t, struct python_thread *mine, void *state);

/* The node of the stack that a hook of the interpreter's was called from, see unwind_stack(). With the GIL
 * held. */
uint32_t domains_stack(struct thread *t, struct python_thread *mine, const void *frame);

/* 3.13+: sees objects that come from free lists. Whoever has the interpreter's hook for that is called from
 * ours. With the GIL held. See recycle.c. */
void recycle_start(void);

/* After a detach: gives the hook back to who had it before, if we still have it. With the GIL held. */
void recycle_stop(void);

python_tracer recycle_event;
extern python_tracer *const *recycle_hook;

/* Somebody else took the hook, or gave it up. */
static inline bool recycle_lost(void)
{
    return *recycle_hook != recycle_event;
}

#endif
