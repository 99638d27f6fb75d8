/* shortage.h - counts everything that was left out because memory ran out, so that no recording that lacks
 * something is called complete. */
#ifndef LIBTRACE_SHORTAGE_H
#define LIBTRACE_SHORTAGE_H

#include <stdatomic.h>
#include <stdint.h>

extern _Atomic uint64_t shortage_count; /* by both threads */

/* Counts it if the pointer is NULL; returns its argument. */
#define SHORTAGE_UNLESS(pointer)                  \
    ({                                            \
        __typeof__(pointer) got = (pointer);      \
        if (__builtin_expect(!got, 0))            \
            atomic_fetch_add(&shortage_count, 1); \
        got;                                      \
    })

#endif
