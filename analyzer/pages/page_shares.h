/* page_shares.h - how blocks share a page that they lie on. Used by residence.c only. */
#ifndef LIBTRACE_PAGE_SHARES_H
#define LIBTRACE_PAGE_SHARES_H

#include "residence.h"

#define ADDRESSES_END ((uint64_t)1 << 62) /* so low that the sum of two of these does not overflow */
#define PAGE_SHIFT 12
#define PAGE ((uint64_t)1 << PAGE_SHIFT) /* of x86-64; the kernel reports a huge page as 512 of these */

/* Bits of /proc/PID/pagemap: Documentation/admin-guide/mm/pagemap.rst of Linux. */
#define PAGEMAP_PRESENT (1ull << 63)
#define PAGEMAP_SWAPPED (1ull << 62)
#define PAGEMAP_EXCLUSIVE (1ull << 56)

/* glibc's unit is 16 bytes, at least 32, and 8 of a block's are its header. Blocks that it maps with
 * mmap() begin 16 bytes into a page and extend to the end of their last one. Other allocators have other
 * units: a unit is never taken to reach beyond the next block. */
static inline uint64_t unit_of(uint64_t size)
{
    uint64_t unit = (size + 8 + 15) & ~15ull;
    return unit < 32 ? 32 : unit;
}

#define MAPPED_LEAST (128u << 10)
#define MAPPED_HEADER 16

static inline bool is_mapped_alone(const struct residence_block *block)
{
    return block->size >= MAPPED_LEAST - MAPPED_HEADER && (block->address & (PAGE - 1)) == MAPPED_HEADER;
}

/* Where a block begins and ends, with its header and the rest of its unit. */
static inline uint64_t begin_of(const struct residence_block *block)
{
    return is_mapped_alone(block) ? block->address - MAPPED_HEADER : block->address;
}

static inline uint64_t end_of(const struct residence_block *block)
{
    if (is_mapped_alone(block))
        return (block->address + block->size + PAGE - 1) & ~(PAGE - 1);
    return block->address + unit_of(block->size);
}

/* The block found last that reaches into a page; NULL = none does. */
static inline const struct residence_block *reaching_in(const struct residence *r, uint64_t page)
{
    return r->last.size && end_of(&r->last) > page ? &r->last : NULL;
}

/* Works out what the units of a page's blocks are. False: the list is not to be believed, as blocks overlap, or are of no
 * size or of more than there is. To be called before page_shares_add(). */
bool page_shares_units(const struct residence *r, uint64_t page, struct page_blocks *blocks);

/* Divides a page between its blocks, and adds the shares to their owners, where page_shares_finish() brings them; bits:
 * its own of pagemap. The last block becomes r->last. */
void page_shares_add(struct residence *r, uint64_t page, const struct page_blocks *blocks, uint64_t bits);

/* Room for what has been added to owners and is not in residence.owners yet; NULL = no memory. */
uint64_t *page_shares_room(uint32_t owner_count);

/* Brings all of that there. */
void page_shares_finish(struct residence *r);

#endif
