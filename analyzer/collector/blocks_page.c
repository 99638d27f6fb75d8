/* blocks_page.c - see blocks_page.h. */
#define _GNU_SOURCE
#include "blocks_page.h"
#include "blocks_private.h"

#define PIECES (PAGE >> BLOCKS_PIECE_SHIFT) /* of a page */

_Static_assert(PAGE / 8 == PAGE_BLOCKS && PAGE == PAGE_BLOCK_LARGE, "all small blocks of a page have room");
_Static_assert(BLOCKS_SITE_SHIFT - BLOCKS_SIZE_SHIFT - 12 == 6,
               "a large block's size, or an odd one's value, has one of these bits");
#define LARGE_BITS ((uint64_t)0x3f << (BLOCKS_SIZE_SHIFT + 12))

/* A page's blocks, in order, whose values are not taken apart yet. */
struct values {
    uint64_t value[PAGE_BLOCKS_ROOM];
    uint16_t *at; /* the list's */
};

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

/* Adds a leaf's blocks, which has so many places; at: where its piece begins on the page. What is written behind them is not
 * looked at. Returns how many blocks there are then. */
INLINE unsigned add_leaf(const struct leaf *leaf, unsigned places, unsigned at, struct values *values,
                         unsigned count)
{
    const __m128i nothing = _mm_setzero_si128(), here = _mm_set1_epi16((short)at);
    const __m128i tags = leaf_tags(leaf), missing = _mm_cmpeq_epi8(tags, _mm_set1_epi8((char)LEAF_NO_PLACE));
    const __m128i empty = _mm_cmpeq_epi8(tags, nothing), taken_or_missing = _mm_or_si128(tags, empty);
    const __m128i addresses = _mm_and_si128(tags, _mm_set1_epi8((char)~1));
    const __m128i at_low = _mm_add_epi16(_mm_unpacklo_epi8(addresses, nothing), here);
    const __m128i at_high = _mm_add_epi16(_mm_unpackhi_epi8(addresses, nothing), here);
    uint64_t *value = &values->value[count];
    uint16_t *list_at = &values->at[count];
    if (is_sorted(taken_or_missing)) {
        for (unsigned k = 0; k < places; k += 2)
            _mm_storeu_si128((__m128i *)&value[k], _mm_load_si128((const __m128i *)&leaf->value[k]));
        _mm_storeu_si128((__m128i *)&list_at[0], at_low);
        if (places > 8)
            _mm_storeu_si128((__m128i *)&list_at[8], at_high);
    } else if (places == LEAF_TAGS && is_in_order(tags, empty)) {
        uint16_t leaf_at[LEAF_TAGS] __attribute__((aligned(16)));
        _mm_store_si128((__m128i *)&leaf_at[0], at_low);
        _mm_store_si128((__m128i *)&leaf_at[8], at_high);
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
        uint16_t leaf_at[LEAF_TAGS] __attribute__((aligned(16)));
        _mm_store_si128((__m128i *)rank, ranks_of(_mm_andnot_si128(missing, keys), places));
        _mm_store_si128((__m128i *)&leaf_at[0], at_low);
        if (places > 8)
            _mm_store_si128((__m128i *)&leaf_at[8], at_high);
#pragma GCC unroll 16
        for (unsigned k = 0; k < places; k++) {
            value[rank[k]] = leaf->value[k];
            list_at[rank[k]] = leaf_at[k];
        }
    }
    /* Two sums of eight ones each: of the places without a block. */
    __m128i sums = _mm_sad_epu8(_mm_sub_epi8(nothing, _mm_or_si128(missing, empty)), nothing);
    return count + LEAF_TAGS - (unsigned)_mm_cvtsi128_si32(sums) - (unsigned)_mm_extract_epi16(sums, 4);
}

INLINE unsigned add_piece(const struct blocks *blocks, uint32_t piece, unsigned at, struct values *values,
                          unsigned count)
{
    const struct leaf *leaf = blocks_leaf_at(blocks, piece);
    switch (class_of(piece)) {
    case 0:
        return add_leaf(leaf, places_of(0), at, values, count);
    case 1:
        return add_leaf(leaf, places_of(1), at, values, count);
    case 2:
        return add_leaf(leaf, places_of(2), at, values, count);
    default:
        return add_leaf(leaf, places_of(3), at, values, count);
    }
}

static __attribute__((noinline)) unsigned add_halves(const struct blocks *blocks, uint32_t piece, unsigned at,
                                                     struct values *values, unsigned count)
{
    for (unsigned k = 0; k < 2; k++)
        count = add_piece(blocks, split_at(blocks, piece)->half[k], at, values, count);
    return count;
}

/* The first four bytes of each of four pairs. */
INLINE __m128i low_of(__m128i two, __m128i other_two)
{
    return _mm_castps_si128(
        _mm_shuffle_ps(_mm_castsi128_ps(two), _mm_castsi128_ps(other_two), _MM_SHUFFLE(2, 0, 2, 0)));
}

/* Takes the values apart. Returns bits that any of them has. */
INLINE uint64_t list_values(struct values *values, unsigned count, struct page_blocks *list)
{
    const __m128i size_bits = _mm_set1_epi32(PAGE_BLOCK_LARGE - 1);
    __m128i all = _mm_setzero_si128();
    list->count = count;
    for (unsigned i = 0; i < 8; i += 2)
        _mm_storeu_si128((__m128i *)&values->value[count + i], all);
    for (unsigned i = 0; i < count; i += 8) {
        __m128i size[2];
        for (unsigned k = 0; k < 2; k++) {
            __m128i two = _mm_loadu_si128((const __m128i *)&values->value[i + 4 * k]);
            __m128i other_two = _mm_loadu_si128((const __m128i *)&values->value[i + 4 * k + 2]);
            all = _mm_or_si128(all, _mm_or_si128(two, other_two));
            size[k] =
                low_of(_mm_srli_epi64(two, BLOCKS_SIZE_SHIFT), _mm_srli_epi64(other_two, BLOCKS_SIZE_SHIFT));
            size[k] = _mm_and_si128(size[k], size_bits);
            _mm_storeu_si128(
                (__m128i *)&list->owner[i + 4 * k],
                low_of(_mm_srli_epi64(two, BLOCKS_SITE_SHIFT), _mm_srli_epi64(other_two, BLOCKS_SITE_SHIFT)));
        }
        _mm_storeu_si128((__m128i *)&list->size[i], _mm_packs_epi32(size[0], size[1]));
    }
    all = _mm_or_si128(all, _mm_srli_si128(all, 8));
    return (uint64_t)_mm_cvtsi128_si64(all);
}

/* Lists blocks anew of which some are large or odd, up to the first large one. */
static __attribute__((noinline)) void list_with_large(const struct blocks *blocks, uint64_t page,
                                                      const struct values *values, struct page_blocks *list)
{
    for (uint32_t i = 0; i < list->count; i++) {
        uint64_t from = page + list->at[i];
        struct block block;
        if (!(values->value[i] & LARGE_BITS) || blocks_range(blocks, &from, from + 8, &block, 1) != 1)
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
    struct values values;
    values.at = list->at;
    unsigned count = 0;
    for (unsigned i = 0; i < PIECES; i++) {
        unsigned at = i << BLOCKS_PIECE_SHIFT;
        if (UNLIKELY(class_of(pieces[i]) == SPLIT))
            count = add_halves(blocks, pieces[i], at, &values, count);
        else if (pieces[i])
            count = add_piece(blocks, pieces[i], at, &values, count);
    }
    if (has_next)
        fetch_halves(blocks, pieces + PIECES);
    if (UNLIKELY(list_values(&values, count, list) & LARGE_BITS))
        list_with_large(blocks, page, &values, list);
}
