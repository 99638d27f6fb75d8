/* page_shares.h - what blocks have of the pages that they lie on. For residence.c. */
#ifndef LIBTRACE_PAGE_SHARES_H
#define LIBTRACE_PAGE_SHARES_H

#include "residence.h"

#define ADDRESSES_END ((uint64_t)1 << 62) /* no sum of two of these is too large */
#define PAGE_SHIFT 12
#define PAGE ((uint64_t)1 << PAGE_SHIFT) /* of x86-64; a huge page is told as 512 of them */
#define WINDOW_PAGES 128                 /* looked at together: their blocks fit into a processor's cache */
#define WINDOW (WINDOW_PAGES * PAGE)

/* Bits of /proc/PID/pagemap: Documentation/admin-guide/mm/pagemap.rst of Linux. */
#define PAGEMAP_PRESENT (1ull << 63)
#define PAGEMAP_SWAPPED (1ull << 62)
#define PAGEMAP_EXCLUSIVE (1ull << 56)

/* glibc's unit is 16 bytes, 32 at least, of which 8 are a header; blocks of its mmap() begin 16 bytes into a page, and
 * have it to its end. Others have units of their own: no more than what lies before the next block is taken for it. */
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

/* What is the block's, header and unit included: from where, and up to where. */
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

/* The blocks that lie on the pages of a window. Those of no bytes take a byte. */
struct window {
    uint64_t start, end; /* of it, and within the mapping */
    uint64_t bits[WINDOW_PAGES];
    struct residence_block *blocks; /* behind the last one stand two at the end of all addresses */
    size_t count, room;
};

/* Divides the pages of a window between its blocks: adds to what their owners have of each part. */
void page_shares_add(struct residence *r, const struct window *window);

#endif
