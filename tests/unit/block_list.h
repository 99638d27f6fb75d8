/* block_list.h - a list of blocks for tests of residence.h, in place of the collector's table. */
#ifndef LIBTRACE_TESTS_BLOCK_LIST_H
#define LIBTRACE_TESTS_BLOCK_LIST_H

#include "residence.h"

struct block_list {
    struct residence_block *blocks; /* ordered by address */
    size_t count;
};

/* A residence_blocks function; data: a block_list. */
static inline size_t block_list_part(void *data, uint64_t *from, uint64_t to, struct residence_block *out,
                                     size_t room)
{
    const struct block_list *list = data;
    size_t count = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct residence_block *block = &list->blocks[i];
        if (block->address < *from || block->address >= to)
            continue;
        if (count == room) {
            *from = block->address;
            return count;
        }
        out[count++] = *block;
    }
    *from = to;
    return count;
}

#endif
