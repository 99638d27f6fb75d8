/* deepbind.h - libraries loaded with RTLD_DEEPBIND, which search the C library before us. */
#ifndef LIBTRACE_HOOKS_DEEPBIND_H
#define LIBTRACE_HOOKS_DEEPBIND_H

#include "guest.h"

#include <stdatomic.h>
#include <stdbool.h>

/* Set at the end of a start under LD_PRELOAD; cleared when the loader is first seen allocating. */
extern HIDDEN _Atomic bool deepbind_expected;

/* Changes the allocator's own symbol table, so that looking up its functions finds our hooks. */
void deepbind_redirect(void);

/* The loader allocates something: it may be about to load a library, none of whose calls is bound yet. */
INLINE void deepbind_loader_works(void)
{
    if (UNLIKELY(atomic_load_explicit(&deepbind_expected, memory_order_relaxed)))
        deepbind_redirect();
}

#endif
