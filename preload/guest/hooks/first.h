/* first.h - malloc(), calloc(), realloc() and free() where every block is recorded: what the four in first.c jump to. */
#ifndef LIBTRACE_FIRST_H
#define LIBTRACE_FIRST_H

#include "guest.h"

#include <stddef.h>

HIDDEN void *recorded_malloc(size_t size);
HIDDEN void *recorded_calloc(size_t count, size_t size);
HIDDEN void *recorded_realloc(void *block, size_t size);
HIDDEN void recorded_free(void *block);

/* In a sampled run, for what is not decided in a few instructions. */
HIDDEN void *sampled_malloc(size_t size);
HIDDEN void *sampled_calloc(size_t count, size_t size);
HIDDEN void *sampled_realloc(void *block, size_t size);
HIDDEN void sampled_free(void *block);

#endif
