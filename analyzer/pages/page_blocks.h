/* page_blocks.h - the blocks that begin on one page, in order of address, as compact as a page allows: nearly all of a
 * walk's time goes into listing and adding these up, so there is nothing in the list that is not needed for it.
 *
 * Used by residence.c and page_shares.c, and by whoever fills such a list from its own table.
 */
#ifndef LIBTRACE_PAGE_BLOCKS_H
#define LIBTRACE_PAGE_BLOCKS_H

#include <stdbool.h>
#include <stdint.h>

#define PAGE_BLOCKS 512                     /* their addresses are multiples of 8 */
#define PAGE_BLOCKS_ROOM (PAGE_BLOCKS + 16) /* they are listed by up to sixteen, and looked at by eights */
#define PAGE_BLOCK_LARGE 4096               /* bytes: a block of so many does not fit into the list */

/* Same layout as the collector's struct block, so that a table of millions can be listed into it without a
 * copy; hence may_alias. */
struct residence_block {
    uint64_t address, size;
    uint32_t owner;
    uint32_t born, by; /* not used */
} __attribute__((may_alias));

struct page_blocks {
    uint32_t count;
    uint16_t at[PAGE_BLOCKS_ROOM];   /* bytes from the page's start */
    uint16_t size[PAGE_BLOCKS_ROOM]; /* less than PAGE_BLOCK_LARGE */
    uint32_t owner[PAGE_BLOCKS_ROOM];
    /* Size, and above its 16 bits what the allocator adds, the rounding: set by page_shares_units(), */
    uint32_t both[PAGE_BLOCKS_ROOM];
    uint64_t live, rounding;      /* and the sums; bytes */
    uint32_t rounded;             /* how many have any rounding */
    bool has_large;               /* a large one ends the list; */
    struct residence_block large; /* this is it */
};

#endif
