/* blocks.h - the live blocks of one process: address -> site, size, time of birth.
 *
 * The hottest structure of the collector: one insert and one removal for each pair of events. A flat table
 * with open addressing, 16 bytes an entry, at most 5/8 full (small ones less); removal closes the gap
 * (Knuth 6.4, algorithm R), so there are no tombstones. What does not fit an entry (a size of 4 GiB and more,
 * an odd address) goes to a uthash table.
 *
 *    63             20 19      0    63        32 31        0
 *   +-----------------+---------+  +------------+-----------+
 *   |  address >> 3   |  born   |  |  site      |  size     |
 *   +-----------------+---------+  +------------+-----------+
 */
#ifndef LIBTRACE_BLOCKS_H
#define LIBTRACE_BLOCKS_H

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

struct odd_block;

struct blocks {
    struct entry *entries;
    size_t mapped;      /* bytes */
    unsigned bits;      /* log2 of the homes; some entries behind the last home take its overflow */
    unsigned age_shift; /* ticks are kept >> age_shift */
    size_t count;       /* in the flat table */
    size_t limit;       /* of count, before the table grows */
    struct entry *last; /* an entry here or further means that the table must grow, too */
    bool crowded;       /* it must */
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
#define BLOCKS_OVERFLOW 4096u /* entries behind the last home */

int blocks_put_slow(struct blocks *blocks, const struct block *block, struct block *old);
bool blocks_take_odd(struct blocks *blocks, uint64_t address, struct block *block);

/* Neighbouring addresses have neighbouring homes, as far as a piece of 128 bytes goes: four homes, one cache
 * line. */
static inline size_t blocks_home(const struct blocks *blocks, uint64_t address)
{
    uint64_t piece = (address >> 7) * 0x9e3779b97f4a7c15ull;
    return ((piece >> (64 - blocks->bits)) & ~3ull) + (address >> 5 & 3);
}

static inline uint64_t blocks_key_address(uint64_t key)
{
    return key >> BLOCKS_BORN_BITS << 3;
}

/* Makes the look-up of an address soon to come fast. */
static inline void blocks_prefetch(const struct blocks *blocks, uint64_t address)
{
    __builtin_prefetch(&blocks->entries[blocks_home(blocks, address)], 1);
}

static inline struct block blocks_unpack(const struct blocks *blocks, struct entry entry)
{
    return (struct block){.address = blocks_key_address(entry.key),
                          .size = (uint32_t)entry.value,
                          .site = (uint32_t)(entry.value >> 32),
                          .born = (uint32_t)(entry.key & BLOCKS_BORN_MASK) << blocks->age_shift};
}

/* Adds a block. If one lives at the address already it is replaced, and *old is what it was: returns 1; else
 * 0. -1 on lack of memory. */
static inline int blocks_put(struct blocks *blocks, const struct block *block, struct block *old)
{
    if (__builtin_expect(block->size >> 32 || block->address & 7 || blocks->odd != NULL || blocks->crowded ||
                             block->born >> blocks->age_shift > BLOCKS_BORN_MASK,
                         0))
        return blocks_put_slow(blocks, block, old);
    struct entry *at = blocks->entries + blocks_home(blocks, block->address);
    struct entry entry = {block->address << (BLOCKS_BORN_BITS - 3) | block->born >> blocks->age_shift,
                          (uint64_t)block->site << 32 | (uint32_t)block->size};
    for (; at->key; at++) {
        if (blocks_key_address(at->key) == block->address) {
            *old = blocks_unpack(blocks, *at);
            *at = entry;
            return 1;
        }
    }
    *at = entry;
    blocks->crowded = ++blocks->count > blocks->limit || at >= blocks->last;
    return 0;
}

/* Removes the block at an address; false if there is none. */
static inline bool blocks_take(struct blocks *blocks, uint64_t address, struct block *block)
{
    struct entry *at = blocks->entries + blocks_home(blocks, address);
    for (;; at++) {
        if (at->key == 0)
            return blocks->odd && blocks_take_odd(blocks, address, block);
        if (blocks_key_address(at->key) == address)
            break;
    }
    *block = blocks_unpack(blocks, *at);
    blocks->count--;
    /* Close the gap: whoever sits behind it and could sit in it moves there. */
    struct entry *gap = at;
    for (at++; at->key; at++) {
        if (blocks->entries + blocks_home(blocks, blocks_key_address(at->key)) <= gap) {
            *gap = *at;
            gap = at;
        }
    }
    gap->key = 0;
    return true;
}

/* Gives the block at *block's address to its site, as born then, and keeps its size. *old is what it was;
 * false if there is none (nor is one of 4 GiB found: what moves are small objects). */
static inline bool blocks_move(struct blocks *blocks, const struct block *block, struct block *old)
{
    uint64_t born = block->born >> blocks->age_shift & BLOCKS_BORN_MASK;
    for (struct entry *at = blocks->entries + blocks_home(blocks, block->address); at->key; at++) {
        if (blocks_key_address(at->key) == block->address) {
            *old = blocks_unpack(blocks, *at);
            at->key = (at->key & ~BLOCKS_BORN_MASK) | born;
            at->value = (uint64_t)block->site << 32 | (uint32_t)at->value;
            return true;
        }
    }
    return false;
}

#endif
