/* populate.h - memory for pages that are about to be written, in one system call.
 *
 * Otherwise each page costs a fault at its first byte: where a machine is virtual these take 15 microseconds each,
 * where it is not still twice as long as this. Linux before 5.14 does not know how; then the pages fault. Thread-safe.
 */
#ifndef LIBTRACE_POPULATE_H
#define LIBTRACE_POPULATE_H

#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>

#ifndef MADV_POPULATE_WRITE
#define MADV_POPULATE_WRITE 23
#endif

#define POPULATE_PAGE ((size_t)4096)

/* Whole pages that these bytes touch. They must be mapped and writable; what is in them stays. */
static inline void populate(void *memory, size_t size)
{
    uintptr_t from = (uintptr_t)memory & ~(POPULATE_PAGE - 1);
    if (size > 0)
        madvise((void *)from, (uintptr_t)memory + size - from, MADV_POPULATE_WRITE);
}

#endif
