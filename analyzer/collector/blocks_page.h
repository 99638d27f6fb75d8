/* blocks_page.h - lists the live blocks of one page for the walk: see page_blocks.h. */
#ifndef LIBTRACE_BLOCKS_PAGE_H
#define LIBTRACE_BLOCKS_PAGE_H

#include "blocks.h"
#include "page_blocks.h"

/* Like blocks_range(), from a page's first address to its last, up to the first large block. Units are not set. */
void blocks_page(const struct blocks *blocks, uint64_t page, struct page_blocks *list);

#endif
