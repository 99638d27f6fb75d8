/* blocks.h - the live blocks of one process: address -> site, size, time of birth.
 *
 * The hottest structure of the collector: one insert and one removal for each pair of events. A flat hash
 * table of buckets, each a cache line of four entries that are compared at once; which of them holds what is
 * of no matter, so removal just clears one. A block whose bucket is full goes to one of the next; how many
 * have passed a bucket that way is counted, in bits that its first entry has to spare, so that nobody looks
 * further in vain. What does not fit an entry (a size of 4 GiB and more, an odd address) goes to a uthash
 * table.
 *
 * Homes are in the order of the hashes whatever the size of the table, so it grows in place, by a half, in
 * one walk through it: it is never much larger than it must be, and fresh memory is dear.
 *
 * An entry is a place in each of the bucket's three arrays; the key is the address, turned right by 3 bits.
 *
 *    31              0   31    20 19      0    63      38 37    32 31        0
 *   +-----------------+ +--------+---------+  +----------+--------+-----------+
 *   |  key, low half  | | key>>32|  born   |  |  site    | passed |  size     |     low 0 = free
 *   +-----------------+ +--------+---------+  +----------+--------+-----------+
 */
#ifndef LIBTRACE_BLOCKS_H
#define LIBTRACE_BLOCKS_H

#include "fast.h"
#include "grow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <xmmintrin.h>

struct block {
    uint64_t address;
    uint64_t size;
    uint32_t site;
    uint32_t born; /* tick; exact to 2^n ticks after 2^(20+n) of them */
};

#define BUCKET 4 /* entries */

struct bucket {
    uint32_t low[BUCKET], rest[BUCKET];
    uint64_t value[BUCKET];
} __attribute__((aligned(64)));

/* One of them by itself. */
struct entry {
    uint32_t low, rest;
    uint64_t value;
};

struct odd_block;

struct blocks {
    struct bucket *buckets; /* bucket_memory's */
    size_t homes;           /* buckets in which blocks are at home; BLOCKS_BEHIND more take what goes on */
    size_t count;           /* blocks in the flat table */
    size_t limit;           /* of count, before the table grows */
    size_t plain_limit;     /* of count, for blocks_put(): 0 while the table is crowded, or some are odd */
    unsigned age_shift;     /* ticks are kept >> age_shift */
    bool crowded;           /* it must grow although the limit is not reached */
    struct grow bucket_memory;
    struct odd_block *odd;
};

/* False on lack of memory. */
bool blocks_open(struct blocks *blocks);
void blocks_close(struct blocks *blocks);
size_t blocks_count(const struct blocks *blocks);

/* Calls visit for each block, in no order. */
void blocks_each(const struct blocks *blocks, void (*visit)(void *data, const struct block *block),
                 void *data);

/* ---- the fast parts, inline ------------------------------------------------------------------ */

#define BLOCKS_BORN_BITS 20
#define BLOCKS_BORN_MASK ((1u << BLOCKS_BORN_BITS) - 1)
#define BLOCKS_HIGH_BITS 12 /* of a key, above its low half */
#define BLOCKS_BEHIND 1024u
#define BLOCKS_SITE_SHIFT 38
#define BLOCKS_PASSED_SHIFT 32
#define BLOCKS_PASSED_MAX 63u /* that or more, for ever */
#define BLOCKS_PASSED ((uint64_t)BLOCKS_PASSED_MAX << BLOCKS_PASSED_SHIFT)

int blocks_put_slow(struct blocks *blocks, const struct block *block, struct block *old);
bool blocks_take_slow(struct blocks *blocks, uint64_t address, struct block *block);
bool blocks_move_slow(struct blocks *blocks, const struct block *block, struct block *old);

/* Births are kept in 20 bits; when the run gets older than they can tell, all lose one bit. To be called
 * before a block is put or moved that was born then. */
void blocks_age_slow(struct blocks *blocks, uint32_t tick);

INLINE void blocks_age(struct blocks *blocks, uint32_t tick)
{
    if (UNLIKELY(tick >> blocks->age_shift > BLOCKS_BORN_MASK))
        blocks_age_slow(blocks, tick);
}

/* Of an address that is no multiple of 8, or beyond 47 bits, more than the low 44 bits are set. */
INLINE uint64_t blocks_key(uint64_t address)
{
    return address >> 3 | address << 61;
}

INLINE uint64_t blocks_entry_address(struct entry entry)
{
    return ((uint64_t)(entry.rest >> BLOCKS_BORN_BITS) << 32 | entry.low) << 3;
}

/* A piece of 64 bytes of memory has one home: blocks that are allocated one after the other share it. The 32
 * bits of the hash are a fraction of all homes (Lemire 2019, without a division). */
INLINE size_t blocks_home(const struct blocks *blocks, uint64_t address)
{
    return ((address >> 6) * 0x9e3779b97f4a7c15ull >> 32) * blocks->homes >> 32;
}

typedef uint32_t blocks_four __attribute__((vector_size(16)));

/* The lanes in which all bits are set, as bits. */
INLINE unsigned blocks_lanes(blocks_four four)
{
    return (unsigned)_mm_movemask_ps((__m128)four);
}

/* Which entries of a bucket hold a key, as bits. */
INLINE unsigned bucket_find(const struct bucket *bucket, uint64_t key)
{
    const blocks_four *low = (const blocks_four *)bucket->low, *rest = (const blocks_four *)bucket->rest;
    return blocks_lanes((blocks_four)(*low == (uint32_t)key) &
                        (blocks_four)(*rest >> BLOCKS_BORN_BITS == (uint32_t)(key >> 32)));
}

/* Which are free. */
INLINE unsigned bucket_free(const struct bucket *bucket)
{
    const blocks_four *low = (const blocks_four *)bucket->low;
    return blocks_lanes((blocks_four)(*low == 0));
}

/* True if blocks went on from this bucket to the next. */
INLINE bool bucket_passed(const struct bucket *bucket)
{
    return (bucket->value[0] >> BLOCKS_PASSED_SHIFT & BLOCKS_PASSED_MAX) != 0;
}

INLINE struct entry bucket_get(const struct bucket *bucket, unsigned place)
{
    return (struct entry){bucket->low[place], bucket->rest[place], bucket->value[place]};
}

INLINE void bucket_clear(struct bucket *bucket, unsigned place)
{
    bucket->low[place] = 0;
    bucket->rest[place] = 0; /* so that a key whose low half is 0 is not found here */
}

/* Makes the look-up of an address soon to come fast. */
INLINE void blocks_prefetch(const struct blocks *blocks, uint64_t address)
{
    __builtin_prefetch(&blocks->buckets[blocks_home(blocks, address)], 1);
}

/* The site of the block at an address if that is seen at a glance, else 0. */
INLINE uint32_t blocks_peek_site(const struct blocks *blocks, uint64_t address)
{
    const struct bucket *bucket = &blocks->buckets[blocks_home(blocks, address)];
    unsigned found = bucket_find(bucket, blocks_key(address));
    return found ? (uint32_t)(bucket->value[__builtin_ctz(found)] >> BLOCKS_SITE_SHIFT) : 0;
}

INLINE struct block blocks_unpack(const struct blocks *blocks, struct entry entry)
{
    return (struct block){.address = blocks_entry_address(entry),
                          .size = (uint32_t)entry.value,
                          .site = (uint32_t)(entry.value >> BLOCKS_SITE_SHIFT),
                          .born = (entry.rest & BLOCKS_BORN_MASK) << blocks->age_shift};
}

INLINE struct entry blocks_pack(const struct blocks *blocks, const struct block *block)
{
    uint64_t key = blocks_key(block->address);
    return (struct entry){(uint32_t)key,
                          (uint32_t)(key >> 32) << BLOCKS_BORN_BITS | block->born >> blocks->age_shift,
                          (uint64_t)block->site << BLOCKS_SITE_SHIFT | (uint32_t)block->size};
}

/* True if a block does not fit an entry. */
INLINE bool blocks_odd(const struct block *block)
{
    uint64_t key = blocks_key(block->address);
    uint64_t beyond = (uint64_t)block->site << (BLOCKS_SITE_SHIFT - 32) | block->size;
    return (beyond >> 32 | key >> (32 + BLOCKS_HIGH_BITS)) != 0 || (uint32_t)key == 0;
}

/* What the slow parts get or give is copied, so that in the fast ones blocks are in registers alone. */

/* Adds a block. If one lives at the address already it is replaced, and *old is what it was: returns 1; else
 * 0. -1 on lack of memory. */
INLINE int blocks_put(struct blocks *blocks, const struct block *block, struct block *old)
{
    struct bucket *bucket = &blocks->buckets[blocks_home(blocks, block->address)];
    unsigned taken = bucket_find(bucket, blocks_key(block->address)), free_ones = bucket_free(bucket);
    if (UNLIKELY(blocks_odd(block) || taken || !free_ones || bucket_passed(bucket) ||
                 blocks->count >= blocks->plain_limit)) {
        const struct block copy = *block;
        return blocks_put_slow(blocks, &copy, old);
    }
    unsigned place = (unsigned)__builtin_ctz(free_ones);
    struct entry entry = blocks_pack(blocks, block);
    bucket->low[place] = entry.low;
    bucket->rest[place] = entry.rest;
    bucket->value[place] = entry.value; /* none has passed */
    blocks->count++;
    return 0;
}

/* Removes the block at an address; false if there is none. */
INLINE bool blocks_take(struct blocks *blocks, uint64_t address, struct block *block)
{
    struct bucket *bucket = &blocks->buckets[blocks_home(blocks, address)];
    unsigned found = bucket_find(bucket, blocks_key(address));
    if (UNLIKELY(!found)) {
        struct block taken;
        bool there = blocks_take_slow(blocks, address, &taken);
        if (there)
            *block = taken;
        return there;
    }
    unsigned place = (unsigned)__builtin_ctz(found);
    *block = blocks_unpack(blocks, bucket_get(bucket, place));
    bucket_clear(bucket, place);
    blocks->count--;
    return true;
}

/* Gives the block at *block's address to its site, as born then, and keeps its size. *old is what it was;
 * false if there is none. */
INLINE bool blocks_move(struct blocks *blocks, const struct block *block, struct block *old)
{
    struct bucket *bucket = &blocks->buckets[blocks_home(blocks, block->address)];
    unsigned found = bucket_find(bucket, blocks_key(block->address));
    if (UNLIKELY(!found || block->site >> (64 - BLOCKS_SITE_SHIFT))) {
        const struct block copy = *block;
        struct block was;
        bool there = blocks_move_slow(blocks, &copy, &was);
        if (there)
            *old = was;
        return there;
    }
    unsigned place = (unsigned)__builtin_ctz(found);
    struct entry was = bucket_get(bucket, place);
    *old = blocks_unpack(blocks, was);
    bucket->rest[place] = (was.rest & ~BLOCKS_BORN_MASK) | block->born >> blocks->age_shift;
    bucket->value[place] = (was.value & ((1ull << BLOCKS_SITE_SHIFT) - 1)) | (uint64_t)block->site
                                                                                 << BLOCKS_SITE_SHIFT;
    return true;
}

#endif
