/* bounds.h - where the calling thread's own stack lies.
 *
 * That is the one it began on, not one that it has switched to. From the innermost frame to the upper bound,
 * all of it can be read as long as the thread lives.
 */
#ifndef LIBTRACE_BOUNDS_H
#define LIBTRACE_BOUNDS_H

#include <stdint.h>

struct bounds {
    uintptr_t low, high; /* low <= address < high; both 0 = not known */
};

/* Calls only gettid and getpid of the C library, as the thread may hold any of its locks. */
struct bounds bounds_of_stack(void);

#endif
