/* stack_cache.h - the stacks that this process has numbered: hash of a whole stack -> its node in the trie.
 *
 * Only a cache: what is lost here is found again in the trie, frame by frame. For all threads, private to the
 * process. Look-ups never wait, and hardly ever write. There are two caches: by the numbers of the frames,
 * and by the words in memory that the walk has read, see predict.h.
 *
 *    63                       25 24                0
 *   +---------------------------+-------------------+
 *   |  the hash's high 39 bits  |  node             |     8 to a cache line; 0 = empty
 *   +---------------------------+-------------------+
 *
 * Entries are this small so that those of a program with 200,000 stacks are not much larger than a
 * processor's cache: waiting for this memory is the most expensive part of finding a stack's node. The line
 * is chosen by other bits of the hash, or by a hash of the outer frames, which puts stacks that occur
 * together side by side.
 *
 * A stack that was never put is mistaken for another if all these bits are equal to those of one of the at
 * most sixteen entries that it is compared with: that happens to one of a million different stacks in about
 * one process of 30,000.
 */
#ifndef LIBTRACE_STACK_CACHE_H
#define LIBTRACE_STACK_CACHE_H

#include "guest.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define STACK_CACHE_LINE 8u /* entries in a cache line: a stack may be in any, at home if that is free */
#define STACK_CACHE_NODE_BITS 25
#define STACK_CACHE_TAG_BITS (64 - STACK_CACHE_NODE_BITS)

/* A table's address; its low bits hold 64 - log2 of its lines. 0 = none. */
typedef uintptr_t stack_cache_table;

struct stack_cache {
    _Atomic stack_cache_table now;    /* never 0 */
    _Atomic stack_cache_table before; /* the previous one */
    _Atomic uint64_t used;            /* entries of now */
    _Atomic bool growing; /* for ever, if a signal handler jumps out of grow(): this is only a cache */
};
extern HIDDEN struct stack_cache stack_cache_by_frames, stack_cache_by_words;

/* Hashes of the empty stack, and of one whose outer frames were cut off. */
#define STACK_CACHE_ROOT 0x8ebc6af09c88c6e3ull
#define STACK_CACHE_CUT 0x589965cc75374cc3ull

/* The hash of a stack with one more frame: both halves of a 128-bit product, as in wyhash. */
INLINE uint64_t stack_cache_hash(uint64_t outer, uint32_t frame)
{
    unsigned __int128 product = (unsigned __int128)(outer ^ frame) * 0xa0761d6478bd642full;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Two hashes of a stack. Stacks with the same high bits of "near" are in the same line, if there is room. */
struct stack_cache_key {
    uint64_t near, hash;
};

/* The key of a stack by its own hash alone. An entry holds the hash's high bits, so other bits choose the
 * line. */
INLINE struct stack_cache_key stack_cache_elsewhere(uint64_t hash)
{
    return (struct stack_cache_key){hash << STACK_CACHE_TAG_BITS | hash >> STACK_CACHE_NODE_BITS, hash};
}

/* The home of a stack: a pair of places. If it is full, the others of the same line are used, then those of
 * the line that its own hash chooses. */
INLINE _Atomic uint64_t *stack_cache_home(stack_cache_table table, struct stack_cache_key key)
{
    char *lines = (char *)(table & ~(stack_cache_table)63);
    return (_Atomic uint64_t *)(lines + (key.near >> (table & 63)) * sizeof(uint64_t) * STACK_CACHE_LINE +
                                (key.hash & (STACK_CACHE_LINE - 2) * sizeof(uint64_t)));
}

/* The node if it is not at home; 0 if it is not cached. */
uint32_t stack_cache_find_slow(struct stack_cache *cache, struct stack_cache_key key);

/* The same, only among those put since the table has grown. */
uint32_t stack_cache_find_in_line(const struct stack_cache *cache, struct stack_cache_key key);

/* Where to look first, and for what hash. Its memory is being prefetched. */
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

/* The node; 0 if it is not there. By now the table may have been replaced, or forgotten. */
INLINE uint32_t stack_cache_at(struct stack_cache_place place)
{
    const uint64_t nodes = (1ull << STACK_CACHE_NODE_BITS) - 1;
    uint64_t one = atomic_load_explicit(&place.home[0], memory_order_relaxed) ^ (place.hash & ~nodes);
    uint64_t other = atomic_load_explicit(&place.home[1], memory_order_relaxed) ^ (place.hash & ~nodes);
    uint64_t node = one < other ? one : other; /* 0: an empty place that matches */
    return LIKELY(node - 1 < nodes) ? (uint32_t)node : 0;
}

INLINE uint32_t stack_cache_at_home(const struct stack_cache *cache, struct stack_cache_key key)
{
    return stack_cache_at(stack_cache_place(cache, key));
}

/* The node; 0 if it is not cached. */
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

/* Caches a stack's node, unless there is no memory for it. */
void stack_cache_put(struct stack_cache *cache, struct stack_cache_key key, uint32_t node);

/* To be called when the nodes will be those of another process slot: after fork, or when an attached trace
 * begins again. No other thread may be recording. */
void stack_cache_forget(void);

#endif
