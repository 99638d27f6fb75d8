/* intervals.h - which of many nested or overlapping address ranges is the best one at an address.
 *
 * The ranges are flattened once into disjoint segments, so that a look-up is one binary search however
 * deep they nest.
 */
#ifndef LIBTRACE_SYMBOLS_INTERVALS_H
#define LIBTRACE_SYMBOLS_INTERVALS_H

#include <stddef.h>
#include <stdint.h>

#define INTERVAL_NONE UINT32_MAX

/* [low, high) belongs to id. Where ranges overlap, the lowest rank wins, then the shortest range, then the
 * highest id (for DIEs numbered in file order: the more deeply nested one). This is the order that BFD uses
 * for functions and inlined calls, and so that of addr2line. */
struct interval {
    uint64_t low, high;
    uint32_t id;
    uint32_t rank;
};

/* A segment reaches to the low end of the next one. */
struct segment {
    uint64_t low;
    uint32_t id; /* INTERVAL_NONE = nobody's */
};

struct intervals {
    struct interval *all; /* as added; NULL once they are flattened */
    size_t count, capacity;
    struct segment *segments; /* sorted by low */
    size_t segment_count;
};

void intervals_free(struct intervals *set);

/* Adds a range; an empty one is left out. -1: no memory. */
int intervals_add(struct intervals *set, struct interval range);

/* Flattens what was added and frees it. O(n log n). -1: no memory; the set is then empty. */
int intervals_finish(struct intervals *set);

/* The best range at an address, or INTERVAL_NONE. Only after intervals_finish. */
uint32_t intervals_find(const struct intervals *set, uint64_t address);

#endif
