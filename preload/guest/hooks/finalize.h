/* finalize.h - the moment at which CPython begins to tear itself down: what is live then is what the program left, while
 * at its end all is freed that a module or a cache held.
 *
 * The runtime has a flag for that, which its threads look at, too. It is set after the functions of atexit, and before
 * anything is given back; the first event after that, in whatever thread, is preceded by a mark.
 */
#ifndef LIBTRACE_FINALIZE_H
#define LIBTRACE_FINALIZE_H

#include "thread.h"

/* What finalize_look() looks at: the runtime's flag, or a word that is 0 for good. */
extern HIDDEN const uint64_t *_Atomic finalize_flag;

/* From here on the interpreter's flag is looked at, once it was found. */
void finalize_watch(void);

void finalize_seen(struct thread *t);

/* Before the interpreter's own events of which the moment may be the first one: t is entered. */
INLINE void finalize_look(struct thread *t)
{
    const uint64_t *flag = atomic_load_explicit(&finalize_flag, memory_order_relaxed);
    if (UNLIKELY(__atomic_load_n(flag, __ATOMIC_RELAXED)))
        finalize_seen(t);
}

#endif
