/* extent.h - the part of a stack that a walk may read, so that no unwind rule, however wrong, makes it fault.
 *
 * A thread's own stack can be read from its innermost frame to its end. Of any other stack, such as a
 * coroutine's or a signal handler's, only the page in which a frame was found is known to be readable; the
 * kernel is asked about further pages one by one, as the walk gets there. Nothing of that is remembered for
 * the next walk, as such stacks come and go.
 */
#ifndef LIBTRACE_EXTENT_H
#define LIBTRACE_EXTENT_H

#include "bounds.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct extent {
    uintptr_t low, high;  /* words in between can be read */
    bool own;             /* high is the end of the thread's own stack */
    struct bounds thread; /* where that lies */
};

/* The extent of the stack that holds the word at this address, which must be readable. */
static inline struct extent extent_at(struct bounds own, uintptr_t address)
{
    bool is_own = address >= own.low && address < own.high;
    return (struct extent){address, is_own ? own.high : (address | 4095) + 1, is_own, own};
}

/* True if the word at the address, further out on the same stack, can be read; asks the kernel if
 * necessary. Keeps errno. */
bool extent_reach(struct extent *extent, uintptr_t address);

static inline bool extent_holds(struct extent *extent, uintptr_t address)
{
    if (__builtin_expect(address >= extent->low && address < extent->high && extent->high - address >= 8, 1))
        return true;
    return extent_reach(extent, address);
}

/* True if the word at the address can be read; asks the kernel. */
bool extent_readable(uintptr_t address);

/* The same of all bytes of a range. */
bool extent_readable_all(uintptr_t address, size_t size);

/* Continues on another stack, in which a frame was left at this address; false if it cannot be read. */
bool extent_change(struct extent *extent, uintptr_t address);

#endif
