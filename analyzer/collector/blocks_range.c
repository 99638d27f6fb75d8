/* blocks_range.c - lists live blocks in the order of their addresses: blocks_range(). See blocks.h. */
#define _GNU_SOURCE
#include "blocks_private.h"

/* The first region with at least that number; NULL = none. */
static const struct region *next_region(const struct blocks *blocks, uint64_t number)
{
    const struct region *next = NULL;
    for (uint32_t i = 0; i < blocks->region_count; i++) {
        const struct region *region = region_at(blocks, i);
        if (region->number >= number && (!next || region->number < next->number))
            next = region;
    }
    return next;
}

#define PIECE_UNITS ((1u << BLOCKS_PIECE_SHIFT) / 8) /* units at which blocks in leaves may begin */
#define FETCH_AHEAD 16                               /* pieces */

/* A list of the blocks in a range that is being built. */
struct listing {
    struct block *next, *end; /* where the next block goes, and the end of the room */
    uint64_t from, to;        /* the part of the range that is left */
};

/* Gets the odd block at an address; false if it is not there. */
static bool look_up(const struct blocks *blocks, uint64_t address, struct block *block)
{
    const struct odd_block *odd;
    HASH_FIND(hh, blocks->odd, &address, sizeof address, odd);
    if (odd)
        *block = odd->block;
    return odd != NULL;
}

/* Gets the block with this address and leaf value, which may be odd. */
INLINE bool look_at(const struct blocks *blocks, uint64_t address, uint64_t value, struct block *block)
{
    if (UNLIKELY(value == BLOCKS_ODD))
        return look_up(blocks, address, block);
    *block = blocks_unpack(blocks, address, value);
    return true;
}

/* Lists the leaf's blocks that are in the range; first: the piece's first address. False if there was no
 * room for all. */
static bool list_leaf(const struct blocks *blocks, const struct leaf *leaf, uint64_t first,
                      struct listing *listing)
{
    uint8_t place[PIECE_UNITS];
    /* Bits: a block begins in this unit of the piece; its index in the leaf is place[unit]. */
    uint64_t begins = 0;
    __m128i tags = leaf_tags(leaf);
    unsigned none = leaf_find(tags, 0) | leaf_find(tags, LEAF_NO_PLACE);
    for (unsigned left = ~none & ((1u << LEAF_TAGS) - 1); left; left &= left - 1) {
        unsigned k = (unsigned)__builtin_ctz(left);
        place[leaf->tag[k] / 8] = (uint8_t)k;
        begins |= 1ull << leaf->tag[k] / 8;
    }
    if (listing->from > first)
        begins &= ~0ull << (listing->from - first + 7) / 8;
    if (listing->to - first < 1u << BLOCKS_PIECE_SHIFT)
        begins &= (1ull << (listing->to - first + 7) / 8) - 1;
    for (; begins; begins &= begins - 1) {
        unsigned unit = (unsigned)__builtin_ctzll(begins);
        uint64_t address = first + unit * 8;
        if (listing->next == listing->end) {
            listing->from = address;
            return false;
        }
        listing->next += look_at(blocks, address, leaf->value[place[unit]], listing->next);
    }
    return true;
}

/* Lists all blocks of a leaf if its places are ordered by address, as they are when the blocks were allocated
 * one after the other. There must be room for all. False, with nothing listed, if they are not. */
INLINE bool list_sorted(const struct blocks *blocks, const struct leaf *leaf, uint64_t first,
                        struct listing *listing)
{
    __m128i tags = leaf_tags(leaf);
    tags = _mm_or_si128(tags, _mm_cmpeq_epi8(tags, _mm_setzero_si128())); /* free like missing ones */
    __m128i highest = _mm_max_epu8(tags, _mm_slli_si128(tags, 1));
    if (_mm_movemask_epi8(_mm_cmpeq_epi8(highest, tags)) != (1 << LEAF_TAGS) - 1)
        return false;
    struct block *next = listing->next;
    for (unsigned left = ~leaf_find(tags, LEAF_NO_PLACE) & ((1u << LEAF_TAGS) - 1); left; left &= left - 1) {
        unsigned k = (unsigned)__builtin_ctz(left);
        next += look_at(blocks, first + (leaf->tag[k] & ~1u), leaf->value[k], next);
    }
    listing->next = next;
    return true;
}

/* Lists a piece's blocks that are in the range. False if there was no room for all. */
INLINE bool list_piece(const struct blocks *blocks, uint32_t piece, uint64_t first, struct listing *listing)
{
    bool is_whole = listing->from <= first && listing->to - first >= 1u << BLOCKS_PIECE_SHIFT;
    if (LIKELY(class_of(piece) != SPLIT && is_whole && listing->end - listing->next >= LEAF_TAGS) &&
        LIKELY(list_sorted(blocks, blocks_leaf_at(blocks, piece), first, listing)))
        return true;
    struct leaf *leaves[2];
    unsigned count = leaves_of(blocks, piece, leaves);
    for (unsigned i = 0; i < count; i++)
        if (!list_leaf(blocks, leaves[i], first, listing))
            return false;
    return true;
}

/* Lists one page of a region's pieces, from the beginning of the range on. */
static void list_page(const struct blocks *blocks, const struct region *region, struct listing *listing)
{
    size_t at = listing->from >> BLOCKS_PIECE_SHIFT & (BLOCKS_PIECES - 1), page = at / PIECES_A_PAGE;
    size_t end = (page + 1) * PIECES_A_PAGE;
    uint64_t first = listing->from & ~((1ull << BLOCKS_PIECE_SHIFT) - 1);
    if (!(region->touched[page / 64] >> (page & 63) & 1)) {
        listing->from = first + ((end - at) << BLOCKS_PIECE_SHIFT);
        return;
    }
    for (; at < end && first < listing->to && listing->next < listing->end; at++) {
        /* In a heap that has been used for a while, the leaves of neighbouring pieces are scattered. */
        if (at + FETCH_AHEAD < end)
            __builtin_prefetch(blocks_leaf_at(blocks, region->pieces[at + FETCH_AHEAD]));
        if (region->pieces[at] && !list_piece(blocks, region->pieces[at], first, listing))
            return;
        first += 1u << BLOCKS_PIECE_SHIFT;
        listing->from = first;
    }
}

size_t blocks_range(const struct blocks *blocks, uint64_t *from, uint64_t to, struct block *list, size_t room)
{
    struct listing listing = {.next = list, .end = list + room, .from = *from, .to = to};
    while (listing.from < to && listing.next < listing.end) {
        const struct region *region = next_region(blocks, listing.from >> BLOCKS_REGION_SHIFT);
        uint64_t start = region ? (uint64_t)region->number << BLOCKS_REGION_SHIFT : to;
        if (start > listing.from)
            listing.from = start;
        else
            list_page(blocks, region, &listing);
    }
    *from = listing.from < to ? listing.from : to;
    return (size_t)(listing.next - list);
}
