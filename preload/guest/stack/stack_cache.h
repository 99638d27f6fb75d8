/* stack_cache.h - the stacks that this process has numbered: hash of a whole stack -> its node in the trie.
 *
 * A cache: the trie is the truth, and what is lost here is found there again, frame by frame. For all
 * threads, private to the process. Looking up waits for nobody, and hardly ever writes. There are two: by the
 * numbers of the frames, and by the words in memory that the walk has read, see predict.h.
 *
 *    63                       25 24                0
 *   +---------------------------+-------------------+
 *   |  the hash's high 39 bits  |  node             |     8 to a cache line; 0 = empty
 *   +---------------------------+-------------------+
 *
 * So small that those of a program with 200,000 stacks are not much larger than a processor's own cache:
 * waiting for this memory is the most expensive part of naming a stack. The line is chosen by other bits of
 * the hash, or by a hash of the outer frames, so that stacks that come together are together.
 *
 * What was never put is taken for something else if all these bits are those of one of the sixteen entries
 * that it is compared with at most: that happens to one of a million different stacks in about one process of
 * 30,000.
 */
#ifndef LIBTRACE_STACK_CACHE_H
#define LIBTRACE_STACK_CACHE_H

#include "guest.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define STACK_CACHE_LINE 8u /* entries in a cache line: where a stack may be; at home, if that is free */
#define STACK_CACHE_NODE_BITS 25
#define STACK_CACHE_TAG_BITS (64 - STACK_CACHE_NODE_BITS)

/* A table's address, and in the lowest bits 64 - log2 of its lines. 0 = none. */
typedef uintptr_t stack_cache_table;

struct stack_cache {
    _Atomic stack_cache_table now;    /* never 0 */
    _Atomic stack_cache_table before; /* the previous one */
    _Atomic uint64_t used;            /* entries of now */
    _Atomic bool growing; /* for ever, if who is at it is thrown out of a signal handler: this is a cache */
};
extern HIDDEN struct stack_cache stack_cache_by_frames, stack_cache_by_words;

/* Hashes of the empty stack, and of one whose outer frames were cut off. */
#define STACK_CACHE_ROOT 0x8ebc6af09c88c6e3ull
#define STACK_CACHE_CUT 0x589965cc75374cc3ull

/* The hash of a stack that is one frame deeper: both halves of a 128-bit product, as wyhash does it. */
INLINE uint64_t stack_cache_hash(uint64_t outer, uint32_t frame)
{
    unsigned __int128 product = (unsigned __int128)(outer ^ frame) * 0xa0761d6478bd642full;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Two hashes of a stack: those with the same highest bits of "near" are in the same line, as far as there is
 * room. */
struct stack_cache_key {
    uint64_t near, hash;
};

/* The key of a stack by its own hash alone. An entry holds the hash's high bits: others choose the line. */
INLINE struct stack_cache_key stack_cache_elsewhere(uint64_t hash)
{
    return (struct stack_cache_key){hash << STACK_CACHE_TAG_BITS | hash >> STACK_CACHE_NODE_BITS, hash};
}

/* Where a stack is at home: a pair of places. The others are those of the same line, and those of the line
 * that its own hash chooses. */
INLINE _Atomic uint64_t *stack_cache_home(stack_cache_table table, struct stack_cache_key key)
{
    char *lines = (char *)(table & ~(stack_cache_table)63);
    return (_Atomic uint64_t *)(lines + (key.near >> (table & 63)) * sizeof(uint64_t) * STACK_CACHE_LINE +
                                (key.hash & (STACK_CACHE_LINE - 2) * sizeof(uint64_t)));
}

/* The node when it is not at home; 0 if it is not remembered. */
uint32_t stack_cache_find_slow(struct stack_cache *cache, struct stack_cache_key key);

/* The same, of those that were put since the table grew. */
uint32_t stack_cache_find_in_line(const struct stack_cache *cache, struct stack_cache_key key);

/* Where to look first, for what, to be asked for soon: the memory is being fetched. */
struct stack_cache_place {
    _Atomic uint64_t *home;
    uint64_t hash;
};
#define STACK_CACHE_NOWHERE ((struct stack_cache_place){stack_cache_nothing, 0})
extern HIDDEN _Atomic uint64_t stack_cache_nothing[2 * STACK_CACHE_LINE];

INLINE struct stack_cache_place stack_cache_place(const struct stack_cache *cache, struct stack_cache_key key)
{
    stack_cache_table table = atomic_load_explicit(&cache->now, memory_order_acquire);
    struct stack_cache_place place = {stack_cache_home(table, key), key.hash};
    __builtin_prefetch(place.home);
    return place;
}

/* The node, 0 if it is not there. The table may have been followed by another one since, or forgotten. */
INLINE uint32_t stack_cache_at(struct stack_cache_place place)
{
    const uint64_t nodes = (1ull << STACK_CACHE_NODE_BITS) - 1;
    uint64_t one = atomic_load_explicit(&place.home[0], memory_order_relaxed) ^ (place.hash & ~nodes);
    uint64_t other = atomic_load_explicit(&place.home[1], memory_order_relaxed) ^ (place.hash & ~nodes);
    uint64_t node = one < other ? one : other; /* 0: an empty place that would fit */
    return LIKELY(node - 1 < nodes) ? (uint32_t)node : 0;
}

INLINE uint32_t stack_cache_at_home(const struct stack_cache *cache, struct stack_cache_key key)
{
    return stack_cache_at(stack_cache_place(cache, key));
}

/* The node, 0 if it is not remembered. */
INLINE uint32_t stack_cache_find(struct stack_cache *cache, struct stack_cache_key key)
{
    uint32_t node = stack_cache_at_home(cache, key);
    return LIKELY(node) ? node : stack_cache_find_slow(cache, key);
}

INLINE uint32_t stack_cache_find_now(const struct stack_cache *cache, struct stack_cache_key key)
{
    uint32_t node = stack_cache_at_home(cache, key);
    return LIKELY(node) ? node : stack_cache_find_in_line(cache, key);
}

/* Remembers a stack's node, unless there is no memory for it. */
void stack_cache_put(struct stack_cache *cache, struct stack_cache_key key, uint32_t node);

/* The nodes are those of another process slot: after fork, and when an attached trace begins anew. No other
 * thread may be recording. */
void stack_cache_forget(void);

#endif
