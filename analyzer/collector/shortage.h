/* shortage.h - what finds no memory is counted, whatever it is, so that no record is called whole which is
 * not. */
#ifndef LIBTRACE_SHORTAGE_H
#define LIBTRACE_SHORTAGE_H

#include <stdatomic.h>
#include <stdint.h>

extern _Atomic uint64_t shortage_count; /* of both threads */

/* Counts what was left out unless it was not; returns its argument. */
#define SHORTAGE_UNLESS(pointer)                  \
    ({                                            \
        __typeof__(pointer) got = (pointer);      \
        if (__builtin_expect(!got, 0))            \
            atomic_fetch_add(&shortage_count, 1); \
        got;                                      \
    })

#endif
