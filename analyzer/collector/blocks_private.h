/* blocks_private.h - how the table of live blocks lies in memory: for blocks.c, and blocks_range.c, which lists them. */
#ifndef LIBTRACE_BLOCKS_PRIVATE_H
#define LIBTRACE_BLOCKS_PRIVATE_H

#include "blocks.h"

#include <uthash.h>

#define PAGE 4096
#define PIECES_A_PAGE (PAGE / sizeof(uint32_t))
#define PIECE_PAGES (BLOCKS_PIECES / PIECES_A_PAGE)
#define SPLIT LEAF_CLASSES /* class of a piece whose leaf is a struct split */

/* 1 GiB of the program's address space. */
struct region {
    uint32_t number;  /* address >> BLOCKS_REGION_SHIFT */
    uint32_t *pieces; /* the array in blocks.regions */
    /* Pages of the array that hold any pieces: the others are not looked at. */
    uint64_t touched[PIECE_PAGES / 64];
};

/* The leaf of a split piece: it has a leaf for each half. */
struct split {
    uint8_t tag[LEAF_TAGS]; /* like struct leaf, but without places */
    uint32_t half[2];       /* like pieces: of the lower addresses, of the higher ones */
} __attribute__((aligned(16)));

struct odd_block {
    uint64_t address; /* key */
    struct block block;
    UT_hash_handle hh;
};

static inline unsigned class_of(uint32_t piece)
{
    return piece & ((1u << LEAF_CLASS_BITS) - 1);
}

/* Of a leaf of a class. */
static inline unsigned places_of(unsigned class)
{
    static const uint8_t places[LEAF_CLASSES + 1] = {2, 6, 10, 16, 0};
    return places[class];
}

static inline struct split *split_at(const struct blocks *blocks, uint32_t piece)
{
    return (struct split *)blocks_leaf_at(blocks, piece);
}

static inline struct region *region_at(const struct blocks *blocks, uint32_t index)
{
    return (struct region *)blocks->region_memory.memory + index;
}

/* Gets the leaves that hold a piece's blocks; returns how many. */
static inline unsigned leaves_of(const struct blocks *blocks, uint32_t piece, struct leaf *leaves[2])
{
    bool two = class_of(piece) == SPLIT;
    for (unsigned i = 0; i < 1u + two; i++)
        leaves[i] = blocks_leaf_at(blocks, two ? split_at(blocks, piece)->half[i] : piece);
    return 1u + two;
}

#endif
