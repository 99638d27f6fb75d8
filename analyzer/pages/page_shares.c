/* page_shares.c - see page_shares.h. */
#define _GNU_SOURCE
#include "page_shares.h"

#include <assert.h>
#include <emmintrin.h>
#include <stdlib.h>

#define OWNED_UNTOUCHED (RESIDENCE_OWNED - 1)
#define EIGHT 8          /* blocks are looked at together */
#define BOTH_ROUNDING 16 /* where in page_blocks.both it begins */

static uint64_t overlap(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
    uint64_t from = a > b ? a : b, to = a_end < b_end ? a_end : b_end;
    return to > from ? to - from : 0;
}

/* ---- units --------------------------------------------------------------------------------------- */

#define FAR_BEHIND 0x7000 /* where the list ends: no unit reaches so far */

/* The units of eight blocks, none of which reaches beyond the next block: see unit_of(). */
static inline __m128i units_of(__m128i size, __m128i room)
{
    __m128i unit = _mm_and_si128(_mm_add_epi16(size, _mm_set1_epi16(8 + 15)), _mm_set1_epi16(~15));
    return _mm_min_epi16(_mm_max_epi16(unit, _mm_set1_epi16(32)), room);
}

/* The sum of eight numbers of 16 bits, in four of 32. */
static inline __m128i sum_up(__m128i numbers)
{
    return _mm_madd_epi16(numbers, _mm_set1_epi16(1));
}

static inline uint32_t sum_of_four(__m128i numbers)
{
    numbers = _mm_add_epi32(numbers, _mm_srli_si128(numbers, 8));
    numbers = _mm_add_epi32(numbers, _mm_srli_si128(numbers, 4));
    return (uint32_t)_mm_cvtsi128_si32(numbers);
}

/* True if the first block overlaps the one that reaches in, or the large one cannot be. */
static bool is_doubtful(const struct residence *r, uint64_t page, const struct page_blocks *b)
{
    uint64_t reached = r->last.address + r->last.size;
    bool is_too_large = b->has_large && b->large.size > ADDRESSES_END - b->large.address;
    if (b->count > 0)
        return is_too_large || page + b->at[0] < reached;
    return is_too_large || (b->has_large && b->large.address < reached);
}

bool page_shares_units(const struct residence *r, uint64_t page, struct page_blocks *b)
{
    const __m128i none = _mm_setzero_si128();
    __m128i live = none, rounding = none, rounded = none, doubt = none;
    if (is_doubtful(r, page, b))
        return false;
    b->live = b->rounding = b->rounded = 0;
    if (b->count == 0)
        return true;
    uint64_t behind = b->has_large ? b->large.address - page : FAR_BEHIND;
    _mm_storeu_si128((__m128i *)&b->at[b->count], _mm_set1_epi16((short)behind));
    _mm_storeu_si128((__m128i *)&b->size[b->count], none);
    for (unsigned i = 0; i < b->count; i += EIGHT) {
        __m128i size = _mm_loadu_si128((const __m128i *)&b->size[i]);
        __m128i at = _mm_loadu_si128((const __m128i *)&b->at[i]);
        __m128i room = _mm_sub_epi16(_mm_loadu_si128((const __m128i *)&b->at[i + 1]), at);
        __m128i more = _mm_sub_epi16(units_of(size, room), size);
        _mm_storeu_si128((__m128i *)&b->both[i], _mm_unpacklo_epi16(size, more));
        _mm_storeu_si128((__m128i *)&b->both[i + 4], _mm_unpackhi_epi16(size, more));
        live = _mm_add_epi32(live, sum_up(size));
        rounding = _mm_add_epi32(rounding, sum_up(more));
        rounded = _mm_sub_epi16(rounded, _mm_cmpgt_epi16(more, none));
        /* Behind the last one there is neither size nor room. */
        __m128i is_empty = _mm_and_si128(_mm_cmpeq_epi16(size, none), _mm_cmpgt_epi16(room, none));
        doubt = _mm_or_si128(doubt, _mm_or_si128(_mm_cmpgt_epi16(size, room), is_empty));
    }
    b->live = sum_of_four(live);
    b->rounding = sum_of_four(rounding);
    b->rounded = sum_of_four(sum_up(rounded));
    return _mm_movemask_epi8(doubt) == 0;
}

/* ---- blocks that do not lie whole on a page ------------------------------------------------------ */

/* What such a block has of a page. */
struct share {
    const struct residence_block *block; /* NULL = there is none */
    uint64_t live, rounding;             /* bytes */
};

/* A page, and what blocks have of it: those that lie whole on it are in the list, up to a number. */
struct on_page {
    uint64_t page;
    struct share in, out;    /* the block that reaches in, the one that reaches out */
    uint32_t whole;          /* that number */
    uint64_t live, rounding; /* of the whole ones: bytes, */
    uint32_t rounded;        /* and how many have any rounding */
    struct residence_block reaches_in, reaches_out;
};

/* What a block has of a page. What lies before reached, or from next on, is another's. */
static struct share part_of(const struct residence_block *block, uint64_t reached, uint64_t next,
                            uint64_t page)
{
    uint64_t begin = begin_of(block), end = end_of(block);
    uint64_t live = overlap(block->address, block->address + block->size, page, page + PAGE);
    uint64_t all = overlap(begin > reached ? begin : reached, end < next ? end : next, page, page + PAGE);
    return (struct share){block, live, all > live ? all - live : 0};
}

/* Bytes that a block of a list has, with its rounding. */
static uint64_t unit_at(const struct page_blocks *b, uint32_t i)
{
    return (uint64_t)b->size[i] + (b->both[i] >> BOTH_ROUNDING);
}

/* Where the first block begins, with its header. */
static uint64_t first_begin(uint64_t page, const struct page_blocks *b)
{
    if (b->count > 0)
        return page + b->at[0];
    return b->has_large ? begin_of(&b->large) : ADDRESSES_END;
}

/* Up to where those that begin on the page before the large one have their units. */
static uint64_t reached_by_others(const struct on_page *here, const struct page_blocks *b)
{
    if (b->count == 0)
        return here->page;
    uint32_t last = b->count - 1;
    return here->page + b->at[last] + unit_at(b, last);
}

static void find_parts(struct residence *r, const struct page_blocks *b, struct on_page *here)
{
    const struct residence_block *in = reaching_in(r, here->page);
    here->in = here->out = (struct share){.block = NULL};
    here->whole = b->count;
    here->live = b->live;
    here->rounding = b->rounding;
    here->rounded = b->rounded;
    if (in) {
        here->reaches_in = *in;
        here->in = part_of(&here->reaches_in, here->page, first_begin(here->page, b), here->page);
    }
    if (b->has_large) {
        r->last = here->reaches_out = b->large;
        here->out = part_of(&here->reaches_out, reached_by_others(here, b), ADDRESSES_END, here->page);
    } else if (b->count > 0) {
        uint32_t i = b->count - 1;
        r->last = here->reaches_out =
            (struct residence_block){here->page + b->at[i], b->size[i], b->owner[i], 0, 0};
        if (b->at[i] + unit_at(b, i) > PAGE) {
            here->out = part_of(&here->reaches_out, here->page, ADDRESSES_END, here->page);
            here->whole--;
            here->live -= b->size[i];
            here->rounding -= b->both[i] >> BOTH_ROUNDING;
            here->rounded -= b->both[i] >> BOTH_ROUNDING != 0;
        }
    }
}

/* Those of the parts, as bits, in which a block is not counted yet that lies on several pages. */
static uint32_t count_part(struct residence *r, const struct residence_block *block, uint32_t parts)
{
    uint32_t counted = r->counted_of == block->address ? r->counted : 0;
    r->counted_of = block->address;
    r->counted = counted | parts;
    return parts & ~counted;
}

/* ---- owners -------------------------------------------------------------------------------------- */

/* What a block of a list has is added to a sum of eight bytes first, and to its owner's numbers when that is full: neighbours are
 * of many owners, and the processor's nearest cache holds more sums than owners. An owner has a sum for each kind of blocks, so
 * that those with rounding, and those on pages of which something is pinned, need no count of their own.
 *
 *   63       47          31            15         0
 *   +--------+-----------+-------------+----------+
 *   | blocks | pinned B  | rounding B  | live B   |
 *   +--------+-----------+-------------+----------+
 *
 * No block adds more than a page to anything, so it is in time to empty a sum when one of its three sizes has the highest
 * bit. There are no more blocks than live bytes. */
#define SUM_ROUNDING 16
#define SUM_PINNED 32
#define SUM_BLOCKS 48
#define SUM_PART 0xffffull
#define SUM_IS_FULL 0x800080008000ull
#define SUM_KINDS 4
#define KIND_ROUNDED 1
#define KIND_PINS 2

_Static_assert(PAGE + 0x8000 <= SUM_PART && BOTH_ROUNDING == SUM_ROUNDING,
               "a block's bytes can be added as they are");

uint64_t *page_shares_room(uint32_t owner_count)
{
    return calloc(((size_t)owner_count + 1) * SUM_KINDS, sizeof(uint64_t));
}

/* The sums of a kind, by owner. */
static uint64_t *sums_of(const struct residence *r, unsigned kind)
{
    return r->sums + kind * ((size_t)r->owner_count + 1);
}

static inline struct residence_owner *owner_of(const struct residence *r, uint32_t owner)
{
    return &r->owners[owner < r->owner_count ? owner : r->owner_count];
}

/* Adds to what an owner has of a part, by so many blocks. */
static inline void add(struct residence_owner *owner, int i, uint64_t bytes, uint32_t blocks)
{
    owner->bytes[i] += bytes;
    owner->blocks[i] += blocks;
}

/* Empties a sum. */
static __attribute__((noinline)) void take_out(const struct residence *r, uint64_t *sum)
{
    size_t place = (size_t)(sum - r->sums), owners = (size_t)r->owner_count + 1;
    struct residence_owner *owner = &r->owners[place % owners];
    unsigned kind = (unsigned)(place / owners);
    uint32_t blocks = (uint32_t)(*sum >> SUM_BLOCKS);
    add(owner, RESIDENCE_LIVE, *sum & SUM_PART, blocks);
    add(owner, RESIDENCE_ROUNDING, *sum >> SUM_ROUNDING & SUM_PART, kind & KIND_ROUNDED ? blocks : 0);
    add(owner, RESIDENCE_PINNED, *sum >> SUM_PINNED & SUM_PART, kind & KIND_PINS ? blocks : 0);
    *sum = 0;
}

void page_shares_finish(struct residence *r)
{
    for (unsigned kind = 0; kind < SUM_KINDS; kind++) {
        uint64_t *end = sums_of(r, kind + 1);
        for (uint64_t *sum = sums_of(r, kind); r->sum_kinds & 1u << kind && sum < end; sum++)
            if (*sum)
                take_out(r, sum);
    }
    r->sum_kinds = 0;
}

/* True if the first blocks of a page, as many as there are, have one owner. */
static bool has_one_owner(const struct page_blocks *b, uint32_t count)
{
    const __m128i first = _mm_set1_epi32((int)b->owner[0]);
    uint32_t i = 0;
    for (; i + 4 <= count; i += 4)
        if (_mm_movemask_epi8(_mm_cmpeq_epi32(first, _mm_loadu_si128((const __m128i *)&b->owner[i]))) !=
            0xffff)
            return false;
    for (; i < count; i++)
        if (b->owner[i] != b->owner[0])
            return false;
    return true;
}

/* Adds a share of a page of which something is pinned, or nothing; pinned: the share's part of that. */
static void add_share(struct residence *r, const struct share *share, bool is_pinned, uint64_t pinned)
{
    if (!share->block)
        return;
    struct residence_owner *owner = owner_of(r, share->block->owner);
    uint32_t parts = (uint32_t)(share->live != 0) << RESIDENCE_LIVE |
                     (uint32_t)(share->rounding != 0) << RESIDENCE_ROUNDING |
                     (uint32_t)(share->live && is_pinned) << RESIDENCE_PINNED;
    parts = count_part(r, share->block, parts);
    add(owner, RESIDENCE_LIVE, share->live, parts >> RESIDENCE_LIVE & 1);
    add(owner, RESIDENCE_ROUNDING, share->rounding, parts >> RESIDENCE_ROUNDING & 1);
    add(owner, RESIDENCE_PINNED, pinned, parts >> RESIDENCE_PINNED & 1);
}

#define FRACTION 40 /* bits: no product with bytes of a page is too large, and none is rounded wrongly */

/* What is pinned of a page is given to its blocks in proportion. */
struct pinned {
    uint64_t each;  /* for a live byte, as a fraction */
    uint64_t live;  /* bytes of the blocks so far, */
    uint64_t given; /* and what they have got */
};

/* The next block gets what has become due since the one before, so that all of it is given out, whatever is rounded. */
static inline uint64_t give_pinned(struct pinned *pinned, uint64_t live)
{
    pinned->live += live;
    uint64_t due = pinned->live * pinned->each >> FRACTION, more = due - pinned->given;
    pinned->given = due;
    return more;
}

enum rounded { NONE_ROUNDED, SOME_ROUNDED, ALL_ROUNDED };

/* Adds what each of the whole ones has; the compiler knows pins and which are rounded. */
static inline __attribute__((always_inline)) struct pinned add_each(struct residence *r,
                                                                    const struct page_blocks *b,
                                                                    uint32_t count, struct pinned pinned,
                                                                    bool pins, enum rounded which)
{
    const unsigned others = pins ? KIND_PINS : 0, rounded = others | KIND_ROUNDED;
    uint64_t *of_rounded = sums_of(r, rounded), *of_others = sums_of(r, others);
    uint32_t last = r->owner_count;
    r->sum_kinds |= (which != NONE_ROUNDED) << rounded | (which != ALL_ROUNDED) << others;
#pragma GCC unroll 4
    for (uint32_t i = 0; i < count; i++) {
        uint32_t owner = b->owner[i] < last ? b->owner[i] : last;
        uint64_t both = which == NONE_ROUNDED ? b->size[i] : b->both[i], more = both + (1ull << SUM_BLOCKS);
        bool is_rounded = which == ALL_ROUNDED || (which == SOME_ROUNDED && both >> BOTH_ROUNDING);
        uint64_t *sum = (is_rounded ? of_rounded : of_others) + owner;
        if (pins)
            more += give_pinned(&pinned, (uint16_t)both) << SUM_PINNED;
        *sum = more += *sum;
        if (__builtin_expect((more & SUM_IS_FULL) != 0, 0))
            take_out(r, sum);
    }
    return pinned;
}

static inline __attribute__((always_inline)) struct pinned add_all(struct residence *r,
                                                                   const struct page_blocks *b,
                                                                   const struct on_page *here,
                                                                   struct pinned pinned, bool pins)
{
    uint32_t count = here->whole;
    if (here->rounded == count)
        return add_each(r, b, count, pinned, pins, ALL_ROUNDED);
    if (here->rounded == 0)
        return add_each(r, b, count, pinned, pins, NONE_ROUNDED);
    return add_each(r, b, count, pinned, pins, SOME_ROUNDED);
}

/* Adds what the whole ones have. Returns what they, and the blocks before them, have got of what is pinned. */
static uint64_t add_whole(struct residence *r, const struct page_blocks *b, const struct on_page *here,
                          struct pinned pinned, bool pins)
{
    uint32_t count = here->whole;
    if (count > 0 && has_one_owner(b, count)) {
        struct residence_owner *owner = owner_of(r, b->owner[0]);
        add(owner, RESIDENCE_LIVE, here->live, count);
        add(owner, RESIDENCE_ROUNDING, here->rounding, here->rounded);
        add(owner, RESIDENCE_PINNED, give_pinned(&pinned, here->live), pins ? count : 0);
    } else {
        pinned = pins ? add_all(r, b, here, pinned, true) : add_all(r, b, here, pinned, false);
    }
    return pinned.given;
}

/* Divides a resident page between its blocks. */
static void divide(struct residence *r, const struct page_blocks *b, const struct on_page *here)
{
    uint64_t all_live = here->in.live + here->live + here->out.live;
    uint64_t rounding = here->in.rounding + here->rounding + here->out.rounding;
    if (all_live == 0) /* nothing but the end of a block's unit: with what is free */
        return;
    assert(all_live + rounding <= PAGE);
    uint64_t bytes = PAGE - all_live - rounding;
    struct pinned pinned = {.each = (bytes << FRACTION) / all_live + 1};
    r->held += PAGE;
    r->part[RESIDENCE_LIVE] += all_live;
    r->part[RESIDENCE_ROUNDING] += rounding;
    r->part[RESIDENCE_PINNED] += bytes;
    add_share(r, &here->in, bytes, give_pinned(&pinned, here->in.live));
    uint64_t given = add_whole(r, b, here, pinned, bytes);
    add_share(r, &here->out, bytes, bytes - given);
}

static void note_share_untouched(struct residence *r, const struct share *share)
{
    if (share->block)
        add(owner_of(r, share->block->owner), OWNED_UNTOUCHED, share->live,
            count_part(r, share->block, (share->live != 0) << OWNED_UNTOUCHED) != 0);
}

static void note_untouched(struct residence *r, const struct page_blocks *b, const struct on_page *here)
{
    note_share_untouched(r, &here->in);
    for (uint32_t i = 0; i < here->whole; i++)
        add(owner_of(r, b->owner[i]), OWNED_UNTOUCHED, b->size[i], 1);
    note_share_untouched(r, &here->out);
    r->part[RESIDENCE_UNTOUCHED] += here->in.live + here->live + here->out.live;
}

void page_shares_add(struct residence *r, uint64_t page, const struct page_blocks *b, uint64_t bits)
{
    struct on_page here = {.page = page};
    find_parts(r, b, &here);
    if (bits & PAGEMAP_PRESENT)
        divide(r, b, &here);
    else if (!(bits & PAGEMAP_SWAPPED))
        note_untouched(r, b, &here);
}
