/* blocks_page.c - see blocks_page.h. */
#define _GNU_SOURCE
#include "blocks_page.h"
#include "blocks_private.h"

#define PIECES (PAGE >> BLOCKS_PIECE_SHIFT) /* of a page */

_Static_assert(PAGE / 8 == PAGE_BLOCKS && PAGE == PAGE_BLOCK_LARGE, "all small blocks of a page have room");
/* True if the places are ordered by address, the free ones last, as they are when blocks were allocated one after the
 * other. */
INLINE bool is_sorted(__m128i tags)
{
    __m128i highest = _mm_max_epu8(tags, _mm_slli_si128(tags, 1));
    return _mm_movemask_epi8(_mm_cmpeq_epi8(highest, tags)) == (1 << LEAF_TAGS) - 1;
}

/* True if the blocks are ordered by address, whatever places between them are free: each has the highest tag so far. */
INLINE bool is_in_order(__m128i tags, __m128i empty)
{
    __m128i highest = tags;
    highest = _mm_max_epu8(highest, _mm_slli_si128(highest, 1));
    highest = _mm_max_epu8(highest, _mm_slli_si128(highest, 2));
    highest = _mm_max_epu8(highest, _mm_slli_si128(highest, 4));
    highest = _mm_max_epu8(highest, _mm_slli_si128(highest, 8));
    return _mm_movemask_epi8(_mm_or_si128(_mm_cmpeq_epi8(highest, tags), empty)) == (1 << LEAF_TAGS) - 1;
}

/* How many of a leaf's blocks, which has so many places, begin before each of them: each is compared with those of lower
 * places and with those of higher ones. */
INLINE __m128i ranks_of(__m128i keys, unsigned places)
{
    __m128i ranks = _mm_set1_epi8((char)(places - 1)), lower = keys, higher = keys;
#pragma GCC unroll 3
    for (unsigned i = 1; i < places; i++) {
        lower = _mm_slli_si128(lower, 1);
        higher = _mm_srli_si128(higher, 1);
        ranks = _mm_add_epi8(ranks, _mm_cmpgt_epi8(lower, keys));
        ranks = _mm_add_epi8(ranks, _mm_cmpgt_epi8(higher, keys));
    }
    return ranks;
}

/* The lower four bytes of each of four pairs. */
INLINE __m128i low_of(__m128i two, __m128i other_two)
{
    return _mm_castps_si128(
        _mm_shuffle_ps(_mm_castsi128_ps(two), _mm_castsi128_ps(other_two), _MM_SHUFFLE(2, 0, 2, 0)));
}

/* Lists the sizes and owners of a leaf's values. Those of large blocks and odd ones become INT16_MAX. */
INLINE void list_values(const uint64_t *value, unsigned places, struct page_blocks *list, unsigned count)
{
    const __m128i size_bits = _mm_set1_epi32((1 << BLOCKS_SIZE_BITS) - 1);
    const __m128i *pair = (const __m128i *)value;
#pragma GCC unroll 2
    for (unsigned i = 0; i < places; i += 8) {
        __m128i size[2];
#pragma GCC unroll 2
        for (unsigned k = 0; k < 2; k++) {
            unsigned first = i + 4 * k;
            __m128i two = first < places ? _mm_load_si128(&pair[first / 2]) : _mm_setzero_si128();
            __m128i other = first + 2 < places ? _mm_load_si128(&pair[first / 2 + 1]) : _mm_setzero_si128();
            size[k] =
                low_of(_mm_srli_epi64(two, BLOCKS_SIZE_SHIFT), _mm_srli_epi64(other, BLOCKS_SIZE_SHIFT));
            size[k] = _mm_and_si128(size[k], size_bits);
            if (first < places)
                _mm_storeu_si128(
                    (__m128i *)&list->owner[count + first],
                    low_of(_mm_srli_epi64(two, BLOCKS_SITE_SHIFT), _mm_srli_epi64(other, BLOCKS_SITE_SHIFT)));
        }
        _mm_storeu_si128((__m128i *)&list->size[count + i], _mm_packs_epi32(size[0], size[1]));
    }
}

/* Adds a leaf's blocks, which has so many places; at: where its piece begins on the page. What is written behind them is not
 * looked at. Returns how many blocks there are then. */
INLINE unsigned add_leaf(const struct leaf *leaf, unsigned places, unsigned at, struct page_blocks *list,
                         unsigned count)
{
    const __m128i nothing = _mm_setzero_si128(), here = _mm_set1_epi16((short)at);
    const __m128i tags = leaf_tags(leaf), missing = _mm_cmpeq_epi8(tags, _mm_set1_epi8((char)LEAF_NO_PLACE));
    const __m128i empty = _mm_cmpeq_epi8(tags, nothing), taken_or_missing = _mm_or_si128(tags, empty);
    const __m128i addresses = _mm_and_si128(tags, _mm_set1_epi8((char)~1));
    const __m128i at_low = _mm_add_epi16(_mm_unpacklo_epi8(addresses, nothing), here);
    const __m128i at_high = _mm_add_epi16(_mm_unpackhi_epi8(addresses, nothing), here);
    uint16_t *list_at = &list->at[count];
    if (is_sorted(taken_or_missing)) {
        list_values(leaf->value, places, list, count);
        _mm_storeu_si128((__m128i *)&list_at[0], at_low);
        if (places > 8)
            _mm_storeu_si128((__m128i *)&list_at[8], at_high);
    } else {
        uint64_t value[LEAF_TAGS] __attribute__((aligned(16)));
        uint16_t leaf_at[LEAF_TAGS] __attribute__((aligned(16)));
        _mm_store_si128((__m128i *)&leaf_at[0], at_low);
        if (places > 8)
            _mm_store_si128((__m128i *)&leaf_at[8], at_high);
        if (places == LEAF_TAGS && is_in_order(tags, empty)) {
            unsigned next = 0;
#pragma GCC unroll 16
            for (unsigned k = 0; k < places; k++) {
                value[next] = leaf->value[k];
                list_at[next] = leaf_at[k];
                next += leaf->tag[k] != 0;
            }
        } else {
            /* An empty place is behind all blocks; one that does not exist is before none. */
            __m128i keys = _mm_and_si128(_mm_srli_epi16(taken_or_missing, 1), _mm_set1_epi8(0x7f));
            uint8_t rank[LEAF_TAGS] __attribute__((aligned(16)));
            _mm_store_si128((__m128i *)rank, ranks_of(_mm_andnot_si128(missing, keys), places));
#pragma GCC unroll 16
            for (unsigned k = 0; k < places; k++) {
                value[rank[k]] = leaf->value[k];
                list_at[rank[k]] = leaf_at[k];
            }
        }
        list_values(value, places, list, count);
    }
    /* Two sums of eight ones each: of the places without a block. */
    __m128i sums = _mm_sad_epu8(_mm_sub_epi8(nothing, _mm_or_si128(missing, empty)), nothing);
    return count + LEAF_TAGS - (unsigned)_mm_cvtsi128_si32(sums) - (unsigned)_mm_extract_epi16(sums, 4);
}

INLINE unsigned add_piece(const struct blocks *blocks, uint32_t piece, unsigned at, struct page_blocks *list,
                          unsigned count)
{
    const struct leaf *leaf = blocks_leaf_at(blocks, piece);
    switch (class_of(piece)) {
    case 0:
        return add_leaf(leaf, places_of(0), at, list, count);
    case 1:
        return add_leaf(leaf, places_of(1), at, list, count);
    case 2:
        return add_leaf(leaf, places_of(2), at, list, count);
    default:
        return add_leaf(leaf, places_of(3), at, list, count);
    }
}

static __attribute__((noinline)) unsigned add_halves(const struct blocks *blocks, uint32_t piece, unsigned at,
                                                     struct page_blocks *list, unsigned count)
{
    for (unsigned k = 0; k < 2; k++)
        count = add_piece(blocks, split_at(blocks, piece)->half[k], at, list, count);
    return count;
}

/* True if any block of a list is large or odd. */
static bool has_large(const struct page_blocks *list)
{
    const __m128i most = _mm_set1_epi16(PAGE_BLOCK_LARGE - 1);
    __m128i larger = _mm_setzero_si128();
    unsigned i = 0;
    for (; i + 8 <= list->count; i += 8)
        larger =
            _mm_or_si128(larger, _mm_cmpgt_epi16(_mm_loadu_si128((const __m128i *)&list->size[i]), most));
    bool found = _mm_movemask_epi8(larger) != 0;
    for (; i < list->count; i++)
        found |= list->size[i] >= PAGE_BLOCK_LARGE;
    return found;
}

/* Lists blocks anew of which some are large or odd, up to the first large one. */
static __attribute__((noinline)) void list_with_large(const struct blocks *blocks, uint64_t page,
                                                      struct page_blocks *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        uint64_t from = page + list->at[i];
        struct block block;
        if (list->size[i] < PAGE_BLOCK_LARGE || blocks_range(blocks, &from, from + 8, &block, 1) != 1)
            continue;
        if (block.size >= PAGE_BLOCK_LARGE) {
            list->has_large = true;
            list->large = (struct residence_block){block.address, block.size, block.site, 0, 0};
            list->count = i;
            return;
        }
        list->size[i] = (uint16_t)block.size;
        list->owner[i] = block.site;
    }
}

/* Starts loading a piece's leaf: three lines at most. Into the second-level cache: loading all of a page's into the nearest one
 * made walks over scattered leaves twice as long (Zen 4). */
INLINE void fetch_leaf(const struct blocks *blocks, uint32_t piece)
{
    static const uint8_t last[1 << LEAF_CLASS_BITS] = {31, 63, 95, 159, 31}; /* byte, by class */
    const char *leaf = (const char *)blocks_leaf_at(blocks, piece);
    __builtin_prefetch(leaf, 0, 2);
    __builtin_prefetch(leaf + last[class_of(piece)] / 2, 0, 2);
    __builtin_prefetch(leaf + last[class_of(piece)], 0, 2);
}

/* Starts loading the next page's leaves, which are scattered if the program allocated in another order. All at once: a
 * processor looks up several addresses side by side, but goes on only when it has one. */
INLINE void fetch_next(const struct blocks *blocks, const uint32_t *pieces)
{
    for (unsigned i = 0; i < PIECES; i++)
        fetch_leaf(blocks, pieces[PIECES + i]);
}

/* Starts loading the leaves of a page's split pieces, once those that say where they are have been loaded. */
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
    bool has_next = (uintptr_t)(pieces + PIECES) % PAGE != 0; /* else perhaps nothing was ever there */
    if (has_next)
        fetch_next(blocks, pieces);
    unsigned count = 0;
    for (unsigned i = 0; i < PIECES; i++) {
        unsigned at = i << BLOCKS_PIECE_SHIFT;
        if (UNLIKELY(class_of(pieces[i]) == SPLIT))
            count = add_halves(blocks, pieces[i], at, list, count);
        else if (pieces[i])
            count = add_piece(blocks, pieces[i], at, list, count);
    }
    if (has_next)
        fetch_halves(blocks, pieces + PIECES);
    list->count = count;
    if (UNLIKELY(has_large(list)))
        list_with_large(blocks, page, list);
}
