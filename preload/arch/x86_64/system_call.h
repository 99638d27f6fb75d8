/* system_call.h - a system call without the C library: errno is not touched, and no function is called. */
#ifndef LIBTRACE_SYSTEM_CALL_H
#define LIBTRACE_SYSTEM_CALL_H

#include <stdbool.h>

/* Returns the result, or a negative errno code. */
static inline __attribute__((always_inline)) long system_call(long number, long a, long b, long c, long d,
                                                              long e, long f)
{
    register long r10 __asm__("r10") = d, r8 __asm__("r8") = e, r9 __asm__("r9") = f;
    long result;
    __asm__ volatile("syscall"
                     : "=a"(result)
                     : "0"(number), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                     : "rcx", "r11", "memory");
    return result;
}

#define SYSTEM_CALL_ERRORS 4095 /* results from -1 to -4095 are errno codes */

static inline bool system_call_failed(long result)
{
    return result < 0 && result >= -SYSTEM_CALL_ERRORS;
}

#endif
