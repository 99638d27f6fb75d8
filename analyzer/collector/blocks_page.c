/* blocks_page.c - see blocks_page.h. */
#define _GNU_SOURCE
#include "blocks_page.h"
#include "blocks_private.h"

#define PIECES (PAGE >> BLOCKS_PIECE_SHIFT)          /* of a page */
#define PIECE_UNITS ((1u << BLOCKS_PIECE_SHIFT) / 8) /* units at which blocks in leaves may begin */

_Static_assert(PAGE / 8 == PAGE_BLOCKS && PAGE == PAGE_BLOCK_LARGE, "all small blocks of a page have room");
_Static_assert(BLOCKS_SITE_SHIFT - BLOCKS_SIZE_SHIFT - 12 == 6,
               "a large block's size, or an odd one's value, has one of these bits");
#define LARGE_BITS ((uint64_t)0x3f << (BLOCKS_SIZE_SHIFT + 12))

/* Adds a block to a list, as the place-th of it. */
INLINE void put(struct page_blocks *list, unsigned place, unsigned at, uint64_t value)
{
    list->at[place] = (uint16_t)at;
    list->size[place] = (uint16_t)(value >> BLOCKS_SIZE_SHIFT);
    list->owner[place] = (uint32_t)(value >> BLOCKS_SITE_SHIFT);
}

/* True if the places are ordered by address, as they are when the blocks were allocated one after the other. */
INLINE bool is_sorted(__m128i tags)
{
    tags = _mm_or_si128(tags, _mm_cmpeq_epi8(tags, _mm_setzero_si128())); /* free like missing ones */
    __m128i highest = _mm_max_epu8(tags, _mm_slli_si128(tags, 1));
    return _mm_movemask_epi8(_mm_cmpeq_epi8(highest, tags)) == (1 << LEAF_TAGS) - 1;
}

/* Lists a leaf's blocks; at: where its piece begins on the page. *all: bits that any value has. Returns how many are in the
 * list then. */
INLINE unsigned list_leaf(const struct leaf *leaf, unsigned at, struct page_blocks *list, unsigned count,
                          uint64_t *all)
{
    __m128i tags = leaf_tags(leaf);
    unsigned none = leaf_find(tags, 0) | leaf_find(tags, LEAF_NO_PLACE);
    unsigned left = ~none & ((1u << LEAF_TAGS) - 1);
    uint64_t bits = 0;
    if (is_sorted(tags)) {
        for (; left; left &= left - 1) {
            unsigned k = (unsigned)__builtin_ctz(left);
            bits |= leaf->value[k];
            put(list, count++, at + (leaf->tag[k] & ~1u), leaf->value[k]);
        }
    } else {
        uint8_t place[PIECE_UNITS];
        uint32_t begins =
            0; /* bits: a block begins in this unit of the piece; it is at place[unit] of the leaf */
        for (; left; left &= left - 1) {
            unsigned k = (unsigned)__builtin_ctz(left), unit = leaf->tag[k] / 8;
            place[unit] = (uint8_t)k;
            begins |= 1u << unit;
        }
        for (; begins; begins &= begins - 1) {
            unsigned unit = (unsigned)__builtin_ctz(begins);
            uint64_t value = leaf->value[place[unit]];
            bits |= value;
            put(list, count++, at + unit * 8, value);
        }
    }
    *all |= bits;
    return count;
}

/* Lists a piece's blocks up to the first large one, if there is one. */
static __attribute__((noinline)) void list_with_large(const struct blocks *blocks, uint64_t page,
                                                      uint64_t first, struct page_blocks *list)
{
    uint64_t to = first + (1u << BLOCKS_PIECE_SHIFT);
    struct block block;
    while (first < to && blocks_range(blocks, &first, to, &block, 1) == 1) {
        if (block.size >= PAGE_BLOCK_LARGE) {
            list->has_large = true;
            list->large = (struct residence_block){block.address, block.size, block.site, 0, 0};
            return;
        }
        list->at[list->count] = (uint16_t)(block.address - page);
        list->size[list->count] = (uint16_t)block.size;
        list->owner[list->count++] = block.site;
    }
}

/* Starts loading a piece's leaf: three lines at most. */
INLINE void fetch_leaf(const struct blocks *blocks, uint32_t piece)
{
    static const uint8_t last[1 << LEAF_CLASS_BITS] = {31, 63, 95, 159, 31}; /* byte, by class */
    const char *leaf = (const char *)blocks_leaf_at(blocks, piece);
    __builtin_prefetch(leaf);
    __builtin_prefetch(leaf + last[class_of(piece)] / 2);
    __builtin_prefetch(leaf + last[class_of(piece)]);
}

/* Starts loading the next page's leaves, which are scattered if the program allocated in another order. All at once: a
 * processor looks up several addresses side by side, but goes on only when it has one. */
INLINE void fetch_next(const struct blocks *blocks, const uint32_t *pieces)
{
    for (unsigned i = 0; i < PIECES; i++)
        fetch_leaf(blocks, pieces[PIECES + i]);
}

/* Starts loading the leaves of this page's split pieces; the others are there. */
INLINE void fetch_halves(const struct blocks *blocks, const uint32_t *pieces)
{
    for (unsigned i = 0; i < PIECES; i++)
        for (unsigned k = 0; k < 2 && class_of(pieces[i]) == SPLIT; k++)
            fetch_leaf(blocks, split_at(blocks, pieces[i])->half[k]);
}

void blocks_page(const struct blocks *blocks, uint64_t page, struct page_blocks *list)
{
    const uint32_t *pieces = blocks_piece(blocks, page);
    list->count = 0;
    list->has_large = false;
    if (!pieces)
        return;
    if ((uintptr_t)(pieces + PIECES) % PAGE != 0) /* else perhaps nothing was ever there */
        fetch_next(blocks, pieces);
    fetch_halves(blocks, pieces);
    for (unsigned i = 0; i < PIECES; i++) {
        uint32_t piece = pieces[i];
        if (!piece)
            continue;
        struct leaf *leaves[2];
        unsigned leaf_count = leaves_of(blocks, piece, leaves), count = list->count;
        uint64_t all = 0;
        for (unsigned k = 0; k < leaf_count; k++)
            count = list_leaf(leaves[k], i << BLOCKS_PIECE_SHIFT, list, count, &all);
        if (UNLIKELY(all & LARGE_BITS)) {
            list_with_large(blocks, page, page + (i << BLOCKS_PIECE_SHIFT), list);
            if (list->has_large)
                return;
        } else {
            list->count = count;
        }
    }
}
