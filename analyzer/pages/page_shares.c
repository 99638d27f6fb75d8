/* page_shares.c - see page_shares.h. */
#define _GNU_SOURCE
#include "page_shares.h"

#include <assert.h>

static uint64_t overlap(uint64_t a, uint64_t a_end, uint64_t b, uint64_t b_end)
{
    uint64_t from = a > b ? a : b, to = a_end < b_end ? a_end : b_end;
    return to > from ? to - from : 0;
}

#define UNTOUCHED (RESIDENCE_OWNED - 1)

/* A share of a page: that of adjacent blocks of one owner that lie completely on the page, or that of one
 * block that lies on it partly. */
struct share {
    uint32_t owner;
    uint32_t part_of;         /* number of the partial block in the window, from 1 on; 0 = complete blocks */
    uint32_t blocks, rounded; /* how many; and how many of them have bytes added by the allocator */
    uint32_t live, rounding;  /* bytes */
};

#define SHARES_MOST \
    (PAGE / 8 + 1) /* blocks on a page: their addresses are multiples of 8, and one more may reach into it */

struct on_page {
    uint64_t live, rounding; /* bytes, of all shares */
    size_t count;
    struct share shares[SHARES_MOST];
};

/* Where the unit of a small block ends, which is one that malloc has not mapped alone. */
static inline uint64_t small_end_of(const struct residence_block *block)
{
    uint64_t end = block->address + unit_of(block->size), next = block[1].address;
    return end < next ? end : next;
}

/* The share of a block that lies on a page partly. Bytes before `reached` are the previous block's. */
static struct share part_of(const struct window *window, const struct residence_block *block,
                            uint64_t reached, uint64_t page)
{
    uint64_t begin = begin_of(block), end = end_of(block), next = begin_of(&block[1]);
    uint64_t live = overlap(block->address, block->address + block->size, page, page + PAGE);
    uint64_t all = overlap(begin > reached ? begin : reached, end < next ? end : next, page, page + PAGE);
    uint32_t rounding = (uint32_t)(all > live ? all - live : 0);
    uint32_t number = (uint32_t)(block - window->blocks) + 1;
    return (struct share){block->owner, number, 1, rounding != 0, (uint32_t)live, rounding};
}

/* The share of a block that ends on the page, together with those after it that have the same owner and end
 * there, too. Returns the first block that is not among them. *end: where the unit of the first block ends;
 * becomes where that of the returned one does. */
static inline const struct residence_block *whole_ones(const struct residence_block *block, uint64_t page_end,
                                                       uint64_t *end, struct share *share)
{
    const struct residence_block *first = block;
    uint64_t live = 0, all = 0, rounded = 0, unit_end = *end;
    do {
        uint64_t unit = unit_end - block->address;
        live += block->size;
        all += unit;
        rounded += unit != block->size;
        block++;
        unit_end = small_end_of(block);
    } while (unit_end <= page_end && block->owner == first->owner);
    *end = unit_end;
    share->owner = first->owner;
    share->part_of = 0;
    share->blocks = (uint32_t)(block - first);
    share->rounded = (uint32_t)rounded;
    share->live = (uint32_t)live;
    share->rounding = (uint32_t)(all - live);
    return block;
}

/* Finds the shares of a page, from this block on; returns the first block that begins after the page. */
static const struct residence_block *find_shares(const struct window *window,
                                                 const struct residence_block *block, uint64_t page,
                                                 struct on_page *here)
{
    uint64_t reached = page, live = 0, rounding = 0, end = small_end_of(block);
    struct share *share = here->shares;
    for (; block->address < page + PAGE && share < here->shares + SHARES_MOST; share++) {
        if (block->address >= page && end <= page + PAGE) {
            block = whole_ones(block, page + PAGE, &end, share);
        } else {
            *share = part_of(window, block, reached, page);
            block++;
            end = small_end_of(block);
        }
        reached = small_end_of(&block[-1]);
        live += share->live;
        rounding += share->rounding;
    }
    here->count = (size_t)(share - here->shares);
    here->live = live;
    here->rounding = rounding;
    return block;
}

static inline struct residence_owner *owner_of(const struct residence *r, const struct share *share)
{
    return &r->owners[share->owner < r->owner_count ? share->owner : r->owner_count];
}

/* Adds bytes and blocks to part i of an owner. */
static inline void add(struct residence_owner *owner, int i, uint64_t bytes, uint32_t blocks)
{
    owner->bytes[i] += bytes;
    owner->blocks[i] += blocks;
}

/* For a block that lies on several pages, and is to be counted once in each part: of these parts, as bits,
 * returns those in which it has not been counted yet. */
static uint32_t count_part(struct residence *r, const struct residence_block *block, uint32_t parts)
{
    uint32_t counted = r->counted_of == block->address ? r->counted : 0;
    r->counted_of = block->address;
    r->counted = counted | parts;
    return parts & ~counted;
}

#define FRACTION \
    40 /* bits after the point: products with the bytes of a page fit, and are rounded correctly */

/* Divides a resident page among its blocks. Pinned bytes go to them in proportion to their live bytes: each
 * share gets what is due to all shares so far, rounded, less what these were given already, so that nothing
 * is left over in spite of rounding. */
static void divide(struct residence *r, const struct window *window, const struct on_page *here)
{
    if (here->live == 0) /* only the end of a block's unit: the page counts as free */
        return;
    assert(here->live + here->rounding <= PAGE);
    uint64_t pinned = PAGE - here->live - here->rounding, given = 0, live = 0;
    uint64_t each = (pinned << FRACTION) / here->live + 1;
    r->held += PAGE;
    r->part[RESIDENCE_LIVE] += here->live;
    r->part[RESIDENCE_ROUNDING] += here->rounding;
    r->part[RESIDENCE_PINNED] += pinned;
    for (size_t i = 0; i < here->count; i++) {
        const struct share *share = &here->shares[i];
        struct residence_owner *owner = owner_of(r, share);
        live += share->live;
        uint64_t due = live * each >> FRACTION, part = due - given;
        given = due;
        if (share->part_of == 0) {
            add(owner, RESIDENCE_LIVE, share->live, share->blocks);
            add(owner, RESIDENCE_ROUNDING, share->rounding, share->rounded);
            add(owner, RESIDENCE_PINNED, part, pinned ? share->blocks : 0);
        } else {
            uint32_t parts = (uint32_t)(share->live != 0) << RESIDENCE_LIVE |
                             (uint32_t)(share->rounding != 0) << RESIDENCE_ROUNDING |
                             (uint32_t)(share->live && pinned) << RESIDENCE_PINNED;
            parts = count_part(r, &window->blocks[share->part_of - 1], parts);
            add(owner, RESIDENCE_LIVE, share->live, parts >> RESIDENCE_LIVE & 1);
            add(owner, RESIDENCE_ROUNDING, share->rounding, parts >> RESIDENCE_ROUNDING & 1);
            add(owner, RESIDENCE_PINNED, part, parts >> RESIDENCE_PINNED & 1);
        }
    }
}

static void note_untouched(struct residence *r, const struct window *window, const struct on_page *here)
{
    for (size_t i = 0; i < here->count; i++) {
        const struct share *share = &here->shares[i];
        uint32_t blocks = share->blocks;
        if (share->part_of)
            blocks = count_part(r, &window->blocks[share->part_of - 1], (share->live != 0) << UNTOUCHED) != 0;
        add(owner_of(r, share), UNTOUCHED, share->live, blocks);
    }
    r->part[RESIDENCE_UNTOUCHED] += here->live;
}

void page_shares_add(struct residence *r, const struct window *window)
{
    struct on_page here;
    const struct residence_block *block = window->blocks, *none = block + window->count;
    for (uint64_t page = window->start; page < window->end && block != none; page += PAGE) {
        if (begin_of(block) >= page + PAGE)
            continue;
        block = find_shares(window, block, page, &here);
        uint64_t bits = window->bits[(page - window->start) >> PAGE_SHIFT];
        if (bits & PAGEMAP_PRESENT)
            divide(r, window, &here);
        else if (!(bits & PAGEMAP_SWAPPED))
            note_untouched(r, window, &here);
        /* Only the last block can reach beyond the page: the units of the others end where the next begins. */
        block -= end_of(&block[-1]) > page + PAGE;
    }
}
