/* first.h - what the functions of first.c jump to, and those that CPython calls. */
#ifndef LIBTRACE_FIRST_H
#define LIBTRACE_FIRST_H

#include "guest.h"

#include <stddef.h>

/* Where every block is recorded: malloc() and free() if stacks are not predicted (record_plain), the other two always. */
HIDDEN void *recorded_malloc(size_t size);
HIDDEN void *recorded_calloc(size_t count, size_t size);
HIDDEN void *recorded_realloc(void *block, size_t size);
HIDDEN void recorded_free(void *block);

/* In a sampled run, for what is not decided in a few instructions. */
HIDDEN void *sampled_malloc(size_t size);
HIDDEN void *sampled_calloc(size_t count, size_t size);
HIDDEN void *sampled_realloc(void *block, size_t size);
HIDDEN void sampled_free(void *block);

/* True of bytes for which CPython's pools do not call malloc(), which would count the block again: they have none of 0 bytes,
 * nor of more than 512, of which its debugging takes 32. */
#define POOLED_MOST (512 - 32)
INLINE bool first_is_pooled(size_t size)
{
    return LIKELY(size - 1 < POOLED_MOST);
}

/* In a sampled run, what CPython's domains call for blocks that come from its own pools. context: the allocator below. */
HIDDEN void *memory_malloc_pooled(void *context, size_t size);
HIDDEN void *object_malloc_pooled(void *context, size_t size);
HIDDEN void memory_free_pooled(void *context, void *block);
HIDDEN void object_free_pooled(void *context, void *block);

/* The same for any block; and for one whose allocation was counted, and did not pass. */
HIDDEN void *memory_malloc_sampled(void *context, size_t size);
HIDDEN void *object_malloc_sampled(void *context, size_t size);
HIDDEN void *memory_malloc_hit(void *context, size_t size);
HIDDEN void *object_malloc_hit(void *context, size_t size);
HIDDEN void memory_free_sampled(void *context, void *block);
HIDDEN void object_free_sampled(void *context, void *block);

#endif
