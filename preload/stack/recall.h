/* recall.h - the stacks that this process has numbered: hash of a whole stack -> its node in the trie.
 *
 * A cache: the trie is the truth, and what is lost here is found there again, frame by frame. One table for
 * all threads, private to the process. Looking up writes nothing and waits for nobody.
 *
 *    63                       25 24                0
 *   +---------------------------+-------------------+
 *   |  the hash's low 39 bits   |  node             |     8 to a cache line; 0 = empty
 *   +---------------------------+-------------------+
 *
 * So small that those of a program with 200,000 stacks are not much larger than a processor's own cache:
 * waiting for this memory is the most expensive part of naming a stack. The line is chosen by other bits of
 * the hash. A stack that was never
 * seen is taken for another one if all these bits are those of one of the ten or so entries that it is
 * compared with: that happens to one of a million different stacks in about one process of 50,000.
 */
#ifndef LIBTRACE_RECALL_H
#define LIBTRACE_RECALL_H

#include "../guest.h"

#include <stdatomic.h>
#include <stdint.h>

#define RECALL_LINE 8u /* entries in a cache line: where a stack may be; at home, if that is free */
#define RECALL_NODE_BITS 25
#define RECALL_TAG_BITS (64 - RECALL_NODE_BITS)

/* A table's address, and in the lowest bits log2 of its lines. 0 = none yet. */
typedef uintptr_t recall_table;
extern _Atomic recall_table recall_now;

/* Hashes of the empty stack, and of one whose outer frames were cut off. */
#define RECALL_ROOT 0x8ebc6af09c88c6e3ull
#define RECALL_CUT 0x589965cc75374cc3ull

/* The hash of a stack that is one frame deeper: both halves of a 128-bit product, as wyhash does it. */
INLINE uint64_t recall_hash(uint64_t outer, uint32_t frame)
{
    unsigned __int128 product = (unsigned __int128)(outer ^ frame) * 0xa0761d6478bd642full;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Where a stack is at home; the other places are those of the same line. */
INLINE _Atomic uint64_t *recall_home(recall_table table, uint64_t hash)
{
    _Atomic uint64_t *entries = (_Atomic uint64_t *)(table & ~(recall_table)63);
    return entries + (hash >> (64 - (table & 63))) * RECALL_LINE + (hash >> RECALL_TAG_BITS) % RECALL_LINE;
}

/* The node when it is not at home; 0 if it is not remembered. */
uint32_t recall_find_slow(uint64_t hash);

/* The node, 0 if it is not remembered. */
INLINE uint32_t recall_find(uint64_t hash)
{
    recall_table table = atomic_load_explicit(&recall_now, memory_order_acquire);
    if (LIKELY(table)) {
        uint64_t entry = atomic_load_explicit(recall_home(table, hash), memory_order_relaxed);
        if (LIKELY((entry ^ hash << RECALL_NODE_BITS) >> RECALL_NODE_BITS == 0))
            return (uint32_t)entry & ((1u << RECALL_NODE_BITS) - 1);
    }
    return recall_find_slow(hash);
}

/* Remembers a stack's node, unless there is no memory for it. */
void recall_put(uint64_t hash, uint32_t node);

/* The nodes are those of another process slot: after fork, and when an attached trace begins anew. No other
 * thread may be recording. */
void recall_forget(void);

#endif
