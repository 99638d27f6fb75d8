/* page_shares.h - how blocks share the pages that they lie on. Used by residence.c only. */
#ifndef LIBTRACE_PAGE_SHARES_H
#define LIBTRACE_PAGE_SHARES_H

#include "residence.h"

#define ADDRESSES_END ((uint64_t)1 << 62) /* so low that the sum of two of these does not overflow */
#define PAGE_SHIFT 12
#define PAGE ((uint64_t)1 << PAGE_SHIFT) /* of x86-64; the kernel reports a huge page as 512 of these */
#define WINDOW_PAGES 128                 /* processed together: their blocks fit into a processor's cache */
#define WINDOW (WINDOW_PAGES * PAGE)

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

/* Blocks on the pages of a window. Empty blocks are treated as one byte. */
struct window {
    uint64_t start, end; /* addresses, within the mapping */
    uint64_t bits[WINDOW_PAGES];
    struct residence_block *blocks; /* after the last one there are two sentinels at ADDRESSES_END */
    size_t count, room;
};

/* Divides the pages of a window among its blocks, and adds the shares to their owners. */
void page_shares_add(struct residence *r, const struct window *window);

#endif
