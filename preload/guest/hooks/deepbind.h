/* deepbind.h - libraries that are loaded with RTLD_DEEPBIND: they look into the C library before they look at us. */
#ifndef LIBTRACE_HOOKS_DEEPBIND_H
#define LIBTRACE_HOOKS_DEEPBIND_H

#include "guest.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Set once, at the end of a start under LD_PRELOAD; taken back when the loader was seen at work. */
extern HIDDEN _Atomic bool deepbind_expected;

/* Leads what is looked up in the allocator's own symbol table to our hooks. */
void deepbind_redirect(void);

/* The loader allocates something: it may be about to load a library, none of whose calls is bound yet. */
INLINE void deepbind_loader_works(void)
{
    if (UNLIKELY(atomic_load_explicit(&deepbind_expected, memory_order_relaxed)))
        deepbind_redirect();
}

#endif
