/* finalize.h - the moment when CPython begins to shut down: what is live then is what the program left, while
 * at its end everything that a module or a cache held has been freed.
 *
 * The runtime sets a flag for its threads then, after the functions of atexit, and before anything is
 * freed; before the first event after that, in whatever thread, we record a mark. In a sampled run, where most objects are freed
 * without a look at it, before the first that frees other memory, or is recorded.
 */
#ifndef LIBTRACE_FINALIZE_H
#define LIBTRACE_FINALIZE_H

#include "thread.h"

/* What finalize_look() reads: the runtime's flag, or a word that always is 0. */
extern HIDDEN const uint64_t *_Atomic finalize_flag;

/* From here on the interpreter's flag is watched, if it was found. */
void finalize_watch(void);

void finalize_seen(struct thread *t);

/* Not 0 if that moment has come, and was not seen yet. */
INLINE uint64_t finalize_due(void)
{
    const uint64_t *flag = atomic_load_explicit(&finalize_flag, memory_order_relaxed);
    return __atomic_load_n(flag, __ATOMIC_RELAXED);
}

/* Call before those events of the interpreter that may be the first after that moment; t is entered. */
INLINE void finalize_look(struct thread *t)
{
    if (UNLIKELY(finalize_due()))
        finalize_seen(t);
}

#endif
