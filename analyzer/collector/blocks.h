/* blocks.h - the live blocks of one process: address -> site, size, time of birth.
 *
 * The hottest structure of the collector: one insert and one removal for each pair of events. A flat table with
 * open addressing, 16 bytes an entry, at most 5/8 full; removal closes the gap (Knuth 6.4, algorithm R), so there are no
 * tombstones. What does not fit an entry (a size of 4 GiB and more, an odd address) goes to a uthash table.
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
    struct odd_block *odd;
};

/* False on lack of memory. */
bool blocks_open(struct blocks *blocks);
void blocks_close(struct blocks *blocks);
size_t blocks_count(const struct blocks *blocks);

/* Adds a block. If one lives at the address already it is replaced, and *old is what it was: returns 1; else 0. -1 on
 * lack of memory. */
int blocks_put(struct blocks *blocks, const struct block *block, struct block *old);

/* Removes the block at an address; false if there is none. */
bool blocks_take(struct blocks *blocks, uint64_t address, struct block *block);

/* Gives the block at *block's address to its site, as born then, and keeps its size. *old is what it was; false if
 * there is none. */
bool blocks_move(struct blocks *blocks, const struct block *block, struct block *old);

/* Makes the look-up of an address soon to come fast. */
void blocks_prefetch(const struct blocks *blocks, uint64_t address);

/* Calls visit for each block, in no order. */
void blocks_each(const struct blocks *blocks, void (*visit)(void *data, const struct block *block), void *data);

/* ---- the fast parts, inline ------------------------------------------------------------------ */

#define BLOCKS_BORN_BITS 20
#define BLOCKS_BORN_MASK ((1ull << BLOCKS_BORN_BITS) - 1)

/* Neighbouring addresses have neighbouring homes, as far as a piece of 128 bytes goes: four homes, one cache line. */
static inline size_t blocks_home(const struct blocks *blocks, uint64_t address)
{
    uint64_t piece = (address >> 7) * 0x9e3779b97f4a7c15ull;
    return ((piece >> (64 - blocks->bits)) & ~3ull) + (address >> 5 & 3);
}

#endif
