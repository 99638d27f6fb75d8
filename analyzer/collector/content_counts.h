/* content_counts.h - counts which of some blocks are equal. */
#ifndef LIBTRACE_CONTENT_COUNTS_H
#define LIBTRACE_CONTENT_COUNTS_H

#include <stddef.h>
#include <stdint.h>

/* A block that was looked at. */
struct content_key {
    uint32_t site, size;
    uint64_t hash; /* 0 = zeroes only */
    uint64_t address;
};

struct content_counts {
    uint32_t blocks, alone; /* that were looked at; without an equal one */
    uint32_t contents;      /* of several, each counted once */
    uint64_t bytes, alone_bytes, contents_bytes;
};

/* Never 0 but for a block of zeroes, and of nothing. */
uint64_t content_hash(const void *bytes, size_t size);

/* In order, for qsort(): equal ones next to each other. */
int content_order(const void *a, const void *b);

/* Counts the blocks of the first site, of which there are some. They are in order, stride bytes apart. A block that was
 * looked at twice counts once. Returns how many keys were of that site. */
size_t content_count(const void *keys, size_t stride, size_t count, struct content_counts *counts);

#endif
