/* blocks.h - the live blocks of one process: address -> site, size, time of birth.
 *
 * The hottest structure of the collector: one insert and one removal for each pair of events. A flat hash
 * table of buckets, each a cache line of four entries that are compared without a branch; which of them holds
 * what is of no matter, so removal just clears one. A block whose bucket is full goes to one of the next; how
 * many have passed a bucket that way is counted, in bits that its first entry has to spare, so that nobody
 * looks further in vain. What does not fit an entry (a size of 4 GiB and more, an odd address) goes to a
 * uthash table.
 *
 * Homes are in the order of the hashes whatever the size of the table, so it grows in place, by a quarter, in
 * one walk through it: it is never much larger than it must be, and fresh memory is dear.
 *
 *    63             20 19      0    63      38 37    32 31        0
 *   +-----------------+---------+  +----------+--------+-----------+
 *   |  address >> 3   |  born   |  |  site    | passed |  size     |     key 0 = free
 *   +-----------------+---------+  +----------+--------+-----------+
 */
#ifndef LIBTRACE_BLOCKS_H
#define LIBTRACE_BLOCKS_H

#include "grow.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block {
    uint64_t address;
    uint64_t size;
    uint32_t site;
    uint32_t born; /* tick; exact to 2^n ticks after 2^(20+n) of them */
};

struct entry {
    uint64_t key, value;
};

#define BUCKET 4 /* entries */

struct bucket {
    struct entry entry[BUCKET];
} __attribute__((aligned(64)));

struct odd_block;

struct blocks {
    struct bucket *buckets; /* bucket_memory's */
    size_t homes;           /* buckets in which blocks are at home; BLOCKS_BEHIND more take what goes on */
    size_t count;           /* blocks in the flat table */
    size_t limit;           /* of count, before the table grows */
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
#define BLOCKS_BORN_MASK ((1ull << BLOCKS_BORN_BITS) - 1)
#define BLOCKS_BEHIND 1024u
#define BLOCKS_SITE_SHIFT 38
#define BLOCKS_PASSED_SHIFT 32
#define BLOCKS_PASSED_MAX 63ull /* that or more, for ever */
#define BLOCKS_PASSED (BLOCKS_PASSED_MAX << BLOCKS_PASSED_SHIFT)

int blocks_put_slow(struct blocks *blocks, const struct block *block, struct block *old);
bool blocks_take_slow(struct blocks *blocks, uint64_t address, struct block *block);
bool blocks_move_slow(struct blocks *blocks, const struct block *block, struct block *old);

/* A piece of 64 bytes of memory has one home: blocks that are allocated one after the other share it. The 32
 * bits of the hash are a fraction of all homes (Lemire 2019, without a division). */
static inline size_t blocks_home(const struct blocks *blocks, uint64_t address)
{
    return ((address >> 6) * 0x9e3779b97f4a7c15ull >> 32) * blocks->homes >> 32;
}

static inline uint64_t blocks_key_address(uint64_t key)
{
    return key >> BLOCKS_BORN_BITS << 3;
}

/* Which entries of a bucket hold a key address (0: which are free), as bits. */
static inline unsigned bucket_find(const struct bucket *bucket, uint64_t address)
{
    uint64_t want = address >> 3;
    unsigned found = 0;
#pragma GCC unroll 4 /* BUCKET */
    for (unsigned i = 0; i < BUCKET; i++)
        found |= (unsigned)(bucket->entry[i].key >> BLOCKS_BORN_BITS == want) << i;
    return found;
}

/* True if blocks went on from this bucket to the next. */
static inline bool bucket_passed(const struct bucket *bucket)
{
    return (bucket->entry[0].value & BLOCKS_PASSED) != 0;
}

static inline void bucket_put(struct bucket *bucket, unsigned place, struct entry entry)
{
    bucket->entry[place].key = entry.key;
    bucket->entry[place].value = entry.value | (bucket->entry[place].value & BLOCKS_PASSED);
}

/* Makes the look-up of an address soon to come fast. */
static inline void blocks_prefetch(const struct blocks *blocks, uint64_t address)
{
    __builtin_prefetch(&blocks->buckets[blocks_home(blocks, address)], 1);
}

/* The site of the block at an address if that is seen at a glance, else 0. */
static inline uint32_t blocks_peek_site(const struct blocks *blocks, uint64_t address)
{
    const struct bucket *bucket = &blocks->buckets[blocks_home(blocks, address)];
    unsigned found = bucket_find(bucket, address);
    return found ? (uint32_t)(bucket->entry[__builtin_ctz(found)].value >> BLOCKS_SITE_SHIFT) : 0;
}

static inline struct block blocks_unpack(const struct blocks *blocks, struct entry entry)
{
    return (struct block){.address = blocks_key_address(entry.key),
                          .size = (uint32_t)entry.value,
                          .site = (uint32_t)(entry.value >> BLOCKS_SITE_SHIFT),
                          .born = (uint32_t)(entry.key & BLOCKS_BORN_MASK) << blocks->age_shift};
}

/* The born bits are taken as they are: see blocks_put(). */
static inline struct entry blocks_pack(const struct blocks *blocks, const struct block *block)
{
    return (struct entry){block->address << (BLOCKS_BORN_BITS - 3) | block->born >> blocks->age_shift,
                          (uint64_t)block->site << BLOCKS_SITE_SHIFT | (uint32_t)block->size};
}

/* True if a block does not fit an entry. */
static inline bool blocks_odd(const struct blocks *blocks, const struct block *block)
{
    return (block->size >> 32 | block->site >> (64 - BLOCKS_SITE_SHIFT) | (block->address & 7) |
            block->born >> blocks->age_shift >> BLOCKS_BORN_BITS) != 0;
}

/* Adds a block. If one lives at the address already it is replaced, and *old is what it was: returns 1; else
 * 0. -1 on lack of memory. */
static inline int blocks_put(struct blocks *blocks, const struct block *block, struct block *old)
{
    struct bucket *bucket = &blocks->buckets[blocks_home(blocks, block->address)];
    unsigned taken = bucket_find(bucket, block->address), free_ones = bucket_find(bucket, 0);
    if (__builtin_expect(blocks_odd(blocks, block) || blocks->odd || taken || !free_ones ||
                             bucket_passed(bucket) || blocks->count >= blocks->limit || blocks->crowded,
                         0))
        return blocks_put_slow(blocks, block, old);
    bucket_put(bucket, (unsigned)__builtin_ctz(free_ones), blocks_pack(blocks, block));
    blocks->count++;
    return 0;
}

/* Removes the block at an address; false if there is none. */
static inline bool blocks_take(struct blocks *blocks, uint64_t address, struct block *block)
{
    struct bucket *bucket = &blocks->buckets[blocks_home(blocks, address)];
    unsigned found = bucket_find(bucket, address);
    if (__builtin_expect(!found || address & 7, 0))
        return blocks_take_slow(blocks, address, block);
    struct entry *entry = &bucket->entry[__builtin_ctz(found)];
    *block = blocks_unpack(blocks, *entry);
    entry->key = 0;
    blocks->count--;
    return true;
}

/* Gives the block at *block's address to its site, as born then, and keeps its size. *old is what it was;
 * false if there is none. */
static inline bool blocks_move(struct blocks *blocks, const struct block *block, struct block *old)
{
    struct bucket *bucket = &blocks->buckets[blocks_home(blocks, block->address)];
    unsigned found = bucket_find(bucket, block->address);
    struct block moved = {block->address, 0, block->site, block->born};
    if (__builtin_expect(!found || blocks_odd(blocks, &moved), 0))
        return blocks_move_slow(blocks, block, old);
    unsigned place = (unsigned)__builtin_ctz(found);
    *old = blocks_unpack(blocks, bucket->entry[place]);
    moved.size = old->size;
    bucket_put(bucket, place, blocks_pack(blocks, &moved));
    return true;
}

#endif
