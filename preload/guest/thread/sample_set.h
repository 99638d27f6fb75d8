/* sample_set.h - the addresses of the blocks that were recorded in a sampled run, so that their frees are, too.
 *
 * Frees ask a filter first: a byte for each of 65,536 sets of addresses, with how many blocks of the set there are. A set
 * has the blocks of 256 bytes of memory, and those beside it are those of the memory beside it: a cache line of the filter
 * tells of 16 KiB of the heap, and a few neighbours of a recorded block are asked for in vain. Behind it
 * is a table of the addresses. It has a lock, as it is changed once in half a mebibyte; but who does not get the lock in
 * a moment, as a signal handler that has interrupted its holder, goes on without: a block that is not in the table then
 * makes every free that the filter lets through count as one that may be a sample's, and the collector knows better.
 * So nothing waits for a lock that a fork, a signal or the end of a thread has orphaned.
 */
#ifndef LIBTRACE_SAMPLE_SET_H
#define LIBTRACE_SAMPLE_SET_H

#include "guest.h"

#define SAMPLE_SETS 65536u
extern HIDDEN _Atomic uint8_t sample_filter[SAMPLE_SETS];

INLINE uint32_t sample_set_of(const void *block)
{
    uintptr_t address = (uintptr_t)block;
    return (uint32_t)(address >> 8 ^ address >> 24) & (SAMPLE_SETS - 1);
}

/* False: the block is no sample. */
INLINE bool sample_set_may_hold(const void *block)
{
    return UNLIKELY(atomic_load_explicit(&sample_filter[sample_set_of(block)], memory_order_relaxed));
}

void sample_set_add(const void *block);

/* False: the block is no sample. Else it is taken out, or it is not known whether it was in. */
bool sample_set_take(const void *block);

/* In a forked child, which has its parent's blocks. */
void sample_set_forked(void);

/* For another trace. */
void sample_set_clear(void);

#endif
