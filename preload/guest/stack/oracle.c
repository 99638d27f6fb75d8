/* oracle.c - libunwind, for checking our own walks. Not for production: it opens descriptors in the program,
 * and makes system calls to validate memory. */
#define _GNU_SOURCE
#include "unwind.h"
#include "guest.h"

#include <dlfcn.h>
#include <stdatomic.h>
#include <string.h>

static int (*_Atomic walk)(void **, int);

void oracle_open(void)
{
    int saved = errno;
    /* RTLD_LOCAL: its symbols are not for the program. It is never unloaded, as walks may be under way at any
     * time. */
    void *library = dlopen("libunwind.so.8", RTLD_NOW | RTLD_LOCAL | RTLD_NODELETE);
    if (library) {
        int (*function)(void **, int);
        void *symbol = dlsym(library, "unw_backtrace");
        memcpy(&function, &symbol, sizeof symbol);
        atomic_store(&walk, function);
    }
    errno = saved;
}

NOINLINE uint32_t oracle_walk(struct unwind *u, uint64_t ra, uint32_t *first)
{
    int (*function)(void **, int) = atomic_load(&walk);
    if (!function)
        return 0;
    int saved = errno;
    int count = function(u->buffer, (int)u->depth + UNWIND_OWN);
    errno = saved;
    for (int i = 0; i < count && i < UNWIND_OWN; i++) {
        if ((uint64_t)(uintptr_t)u->buffer[i] == ra) {
            *first = (uint32_t)i;
            return (uint32_t)count;
        }
    }
    return 0;
}
