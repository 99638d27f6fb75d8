/* blocks.h - the live blocks of one process: address -> site, size, time of birth.
 *
 * The hottest structure of the collector: one insert and one removal for each pair of events. It is ordered by
 * address, as blocks that are allocated or freed one after the other mostly lie side by side: what was fetched into
 * the cache for one serves the next. Memory is divided into pieces of 256 bytes. The blocks of a piece are in its
 * leaf, which holds 2, 6, 10 or 16 of them, and whose 16 tags are compared at once; most leaves are one cache line.
 * A full leaf is copied to a larger one. So the table never stops to grow, and fresh memory, which is expensive, is
 * taken as the program allocates: about 15 bytes a block in a heap of small ones.
 *
 *   regions[address >> 30] --> pieces[address >> 8 & (2^22 - 1)] --> leaf
 *
 *          leaf: 16 tags, a byte each        values, as many as the leaf has places
 *   +-------------------------------------+ +---------------------------------------+
 *   |  low byte of the address | 1        | | site 23 | size 18 | by 3 | born 20 b. | ...
 *   |  0 = free, 255 = no such place      | |  all ones: the block is in `odd`      |
 *   +-------------------------------------+ +---------------------------------------+
 *
 * What does not fit (a size of 256 KiB or more, an address that is not a multiple of 8) is in a uthash table. A piece
 * with more than 16 blocks (of 8 bytes) has a leaf for each half; the leaf that the fast functions see has no places,
 * so that only the slow ones need to know. Empty leaves are searched for once most leaves may be empty.
 */
#ifndef LIBTRACE_BLOCKS_H
#define LIBTRACE_BLOCKS_H

#include "fast.h"
#include "grow.h"

#include <assert.h>
#include <emmintrin.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct block {
    uint64_t address;
    uint64_t size;
    uint32_t site;
    uint32_t born; /* tick; after 2^(20+n) ticks it is exact to 2^n ticks */
    uint32_t by;   /* who made it: BLOCKS_BY(), as it is stored; several threads may have the same */
};

#define LEAF_TAGS 16
#define LEAF_CLASSES 4

struct leaf {
    uint8_t tag[LEAF_TAGS];
    uint64_t value[];
} __attribute__((aligned(16)));

struct odd_block;
struct region;

struct blocks {
    /* Arrays of the pieces of each GiB: index of the leaf in LEAF_UNITs << LEAF_CLASS_BITS | class. */
    uint32_t **regions;
    /* leaf_memory.memory; it begins with the leaf without places, of pieces that have none */
    char *leaves;
    size_t count;            /* blocks in leaves, including places of odd ones */
    unsigned age_shift;      /* ticks are stored >> age_shift */
    struct grow leaf_memory; /* pages of leaves, each page of one class */
    size_t leaf_bytes;       /* bytes of it in use */
    size_t taken_bytes;      /* bytes of leaves taken since the last search for empty ones */
    struct {
        uint32_t freed;      /* head of the list of freed ones, linked by their first values; 0 = none */
        uint32_t fresh, end; /* LEAF_UNITs: the unused rest of the class's last page */
    } leaf[LEAF_CLASSES];
    struct grow region_memory; /* struct region */
    uint32_t region_count;
    struct odd_block *odd;
    size_t odd_addresses; /* number of those that have no place in a leaf */
};

/* False = out of memory. */
bool blocks_open(struct blocks *blocks);
void blocks_close(struct blocks *blocks);
size_t blocks_count(const struct blocks *blocks);

/* Calls visit for each block, in no particular order. */
void blocks_each(const struct blocks *blocks, void (*visit)(void *data, const struct block *block),
                 void *data);

/* Lists the blocks that begin in [*from, to), in order of address, as many as there is room for; *from is
 * set to where to go on, or to `to`. Blocks whose address is not a multiple of 8 are left out: no
 * allocator returns such addresses. */
size_t blocks_range(const struct blocks *blocks, uint64_t *from, uint64_t to, struct block *list,
                    size_t room);

/* Gives the block at an address another site if it still is of that site and size, and changes nothing else of it; false
 * if it is not. */
bool blocks_resite(struct blocks *blocks, const struct block *block, uint32_t site);

/* ---- the fast parts, inline ------------------------------------------------------------------ */

#define BLOCKS_REGION_SHIFT 30
#define BLOCKS_PIECE_SHIFT 8
#define BLOCKS_PIECES (1u << (BLOCKS_REGION_SHIFT - BLOCKS_PIECE_SHIFT)) /* in a region */
#define BLOCKS_REGIONS (1u << (48 - BLOCKS_REGION_SHIFT))
#define BLOCKS_BORN_BITS 20
#define BLOCKS_BORN_MASK ((1u << BLOCKS_BORN_BITS) - 1)
#define BLOCKS_BY_BITS 3
#define BLOCKS_BY(number) ((uint32_t)(number) % (1u << BLOCKS_BY_BITS) << BLOCKS_BORN_BITS)
#define BLOCKS_BY_MASK (((1u << BLOCKS_BY_BITS) - 1) << BLOCKS_BORN_BITS)
#define BLOCKS_SIZE_BITS 18
#define BLOCKS_SIZE_SHIFT (BLOCKS_BORN_BITS + BLOCKS_BY_BITS)
#define BLOCKS_SITE_SHIFT (BLOCKS_SIZE_SHIFT + BLOCKS_SIZE_BITS)
#define BLOCKS_ODD UINT64_MAX
#define LEAF_UNIT 32
#define LEAF_CLASS_BITS 3
#define LEAF_NO_PLACE 255

int blocks_put_slow(struct blocks *blocks, const struct block *block, struct block *old);
bool blocks_take_slow(struct blocks *blocks, uint64_t address, struct block *block);
bool blocks_move_slow(struct blocks *blocks, const struct block *block, struct block *old);

/* Births are stored in 20 bits; when the run gets too old for that, all lose one bit. Must be called
 * before a block with this birth is put or moved. */
void blocks_age_slow(struct blocks *blocks, uint32_t tick);

INLINE void blocks_age(struct blocks *blocks, uint32_t tick)
{
    if (UNLIKELY(tick >> blocks->age_shift > BLOCKS_BORN_MASK))
        blocks_age_slow(blocks, tick);
}

/* The value of the piece that an address is in; NULL = nothing was ever there. */
INLINE uint32_t *blocks_piece(const struct blocks *blocks, uint64_t address)
{
    uint32_t *pieces = blocks->regions[address >> BLOCKS_REGION_SHIFT];
    return LIKELY(pieces != NULL) ? &pieces[address >> BLOCKS_PIECE_SHIFT & (BLOCKS_PIECES - 1)] : NULL;
}

INLINE struct leaf *blocks_leaf_at(const struct blocks *blocks, uint32_t piece)
{
    return (struct leaf *)(blocks->leaves + (uint64_t)(piece >> LEAF_CLASS_BITS) * LEAF_UNIT);
}

/* The leaf that holds an address's block, if it is there and not odd. */
INLINE struct leaf *blocks_leaf(const struct blocks *blocks, uint64_t address)
{
    const uint32_t *piece = blocks_piece(blocks, address);
    return LIKELY(piece != NULL) ? blocks_leaf_at(blocks, *piece) : (struct leaf *)blocks->leaves;
}

INLINE uint8_t leaf_tag(uint64_t address)
{
    return (uint8_t)address | 1;
}

/* The places with that tag, as bits. */
INLINE unsigned leaf_find(__m128i tags, uint8_t tag)
{
    return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(tags, _mm_set1_epi8((char)tag)));
}

/* Where in its piece a block with that tag begins, in sixteenths. */
INLINE unsigned leaf_part(uint8_t tag)
{
    return tag / (256 / LEAF_TAGS);
}

/* Which of a leaf's free places, at least one, a block gets. In a leaf that has all sixteen it is the one of its part of the piece, if
 * that is free: small blocks then are in order of their addresses whichever came first, and need not be sorted by who walks
 * over pages. */
INLINE unsigned leaf_place(const struct leaf *leaf, unsigned free_ones, unsigned part)
{
    bool has_all = leaf->tag[LEAF_TAGS - 1] != LEAF_NO_PLACE;
    return has_all && free_ones >> part & 1 ? part : (unsigned)__builtin_ctz(free_ones);
}

INLINE __m128i leaf_tags(const struct leaf *leaf)
{
    return _mm_load_si128((const __m128i *)leaf->tag);
}

/* Starts loading what looking up this address will need. */
INLINE void blocks_prefetch(const struct blocks *blocks, uint64_t address)
{
    __builtin_prefetch(blocks_leaf(blocks, address), 1);
}

/* The site of the block at an address if it can be found quickly, else 0. */
INLINE uint32_t blocks_peek_site(const struct blocks *blocks, uint64_t address)
{
    const struct leaf *leaf = blocks_leaf(blocks, address);
    unsigned found = leaf_find(leaf_tags(leaf), leaf_tag(address));
    uint32_t site = found ? (uint32_t)(leaf->value[__builtin_ctz(found)] >> BLOCKS_SITE_SHIFT) : 0;
    return LIKELY(site != BLOCKS_ODD >> BLOCKS_SITE_SHIFT) ? site : 0;
}

INLINE struct block blocks_unpack(const struct blocks *blocks, uint64_t address, uint64_t value)
{
    return (struct block){.address = address,
                          .size = value >> BLOCKS_SIZE_SHIFT & ((1u << BLOCKS_SIZE_BITS) - 1),
                          .site = (uint32_t)(value >> BLOCKS_SITE_SHIFT),
                          .born = (uint32_t)(value & BLOCKS_BORN_MASK) << blocks->age_shift,
                          .by = (uint32_t)value & BLOCKS_BY_MASK};
}

/* Packs a block that fits. Its birth must not be later than the last blocks_age(). */
INLINE uint64_t blocks_pack(const struct blocks *blocks, const struct block *block)
{
    assert(block->size >> BLOCKS_SIZE_BITS == 0 && block->site < BLOCKS_ODD >> BLOCKS_SITE_SHIFT);
    assert(block->born >> blocks->age_shift <= BLOCKS_BORN_MASK && (block->by & ~BLOCKS_BY_MASK) == 0);
    return (uint64_t)block->site << BLOCKS_SITE_SHIFT | block->size << BLOCKS_SIZE_SHIFT | block->by |
           block->born >> blocks->age_shift;
}

INLINE bool blocks_site_fits(uint32_t site)
{
    return site < BLOCKS_ODD >> BLOCKS_SITE_SHIFT;
}

INLINE bool blocks_address_fits(uint64_t address)
{
    return (address & 7) == 0;
}

/* True if a block fits in a value. */
INLINE bool blocks_fits(const struct block *block)
{
    return block->size >> BLOCKS_SIZE_BITS == 0 && blocks_site_fits(block->site);
}

/* Blocks are copied to and from the slow functions, so that in the fast ones they can stay in registers. */

/* Adds a block. Returns 1 if it replaces one at the same address, which *old is set to; 0 if there was
 * none; -1 = out of memory. */
INLINE int blocks_put(struct blocks *blocks, const struct block *block, struct block *old)
{
    struct leaf *leaf = blocks_leaf(blocks, block->address);
    __m128i tags = leaf_tags(leaf);
    unsigned taken = leaf_find(tags, leaf_tag(block->address)), free_ones = leaf_find(tags, 0);
    if (UNLIKELY(taken || !free_ones || !blocks_fits(block) || !blocks_address_fits(block->address))) {
        const struct block copy = *block;
        return blocks_put_slow(blocks, &copy, old);
    }
    unsigned place = leaf_place(leaf, free_ones, leaf_part(leaf_tag(block->address)));
    leaf->tag[place] = leaf_tag(block->address);
    leaf->value[place] = blocks_pack(blocks, block);
    blocks->count++;
    return 0;
}

/* Removes the block at an address; false if there is none. */
INLINE bool blocks_take(struct blocks *blocks, uint64_t address, struct block *block)
{
    struct leaf *leaf = blocks_leaf(blocks, address);
    unsigned found = leaf_find(leaf_tags(leaf), leaf_tag(address));
    uint64_t value = BLOCKS_ODD;
    if (LIKELY(found && blocks_address_fits(address)))
        value = leaf->value[__builtin_ctz(found)];
    if (UNLIKELY(value == BLOCKS_ODD)) {
        struct block taken;
        bool there = blocks_take_slow(blocks, address, &taken);
        if (there)
            *block = taken;
        return there;
    }
    assert(blocks->count > 0);
    *block = blocks_unpack(blocks, address, value);
    leaf->tag[__builtin_ctz(found)] = 0;
    blocks->count--;
    return true;
}

/* Changes site, birth and maker of the block at block->address, but not its size. *old is set to what it was;
 * false if there is none. */
INLINE bool blocks_move(struct blocks *blocks, const struct block *block, struct block *old)
{
    struct leaf *leaf = blocks_leaf(blocks, block->address);
    unsigned found = leaf_find(leaf_tags(leaf), leaf_tag(block->address));
    uint64_t value = BLOCKS_ODD;
    if (LIKELY(found && blocks_address_fits(block->address) && blocks_site_fits(block->site)))
        value = leaf->value[__builtin_ctz(found)];
    if (UNLIKELY(value == BLOCKS_ODD)) {
        const struct block copy = *block;
        struct block was;
        bool there = blocks_move_slow(blocks, &copy, &was);
        if (there)
            *old = was;
        return there;
    }
    *old = blocks_unpack(blocks, block->address, value);
    struct block moved = {block->address, old->size, block->site, block->born, block->by};
    leaf->value[__builtin_ctz(found)] = blocks_pack(blocks, &moved);
    return true;
}

#endif
