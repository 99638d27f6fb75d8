/* populate.h - memory for pages that are about to be written, by few system calls.
 *
 * Otherwise each page costs a fault at its first byte, of 15 microseconds where the machine is virtual. Linux before 5.14
 * does not know how; then the pages fault. Thread-safe.
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
#define POPULATE_STEP ((size_t)65536)

/* Whole pages that these bytes touch. They must be mapped and writable; what is in them stays. In steps: during each the
 * kernel holds the lock of the process's memory, for which all of its threads wait, also while this one, of a low
 * priority, is given no processor for seconds. */
static inline void populate(void *memory, size_t size)
{
    uintptr_t from = (uintptr_t)memory & ~(POPULATE_PAGE - 1), end = (uintptr_t)memory + size;
    for (uintptr_t next; from < end; from = next) {
        next = end - from > POPULATE_STEP ? from + POPULATE_STEP : end;
        if (madvise((void *)from, next - from, MADV_POPULATE_WRITE) != 0)
            return;
    }
}

#endif
