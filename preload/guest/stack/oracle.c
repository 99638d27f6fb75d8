/* oracle.c - libunwind, to check our own walks. Not for production: it opens descriptors in the program, and
 * validates memory by system calls. */
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
    /* RTLD_LOCAL keeps its symbols to itself; and it stays, walks may be under way at any time. */
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
