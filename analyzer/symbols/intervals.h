/* intervals.h - finds the best of many nested or overlapping address ranges at an address.
 *
 * The ranges are flattened once into disjoint segments, so that a look-up is one binary search however
 * deep they nest.
 */
#ifndef LIBTRACE_SYMBOLS_INTERVALS_H
#define LIBTRACE_SYMBOLS_INTERVALS_H

#include <stddef.h>
#include <stdint.h>

#define INTERVAL_NONE UINT32_MAX

/* [low, high) belongs to id. If ranges overlap, the lowest rank wins, then the shortest range, then the
 * highest id (for DIEs numbered in file order: the more deeply nested one). BFD uses this order for
 * functions and inlined calls, and so does addr2line. */
struct interval {
    uint64_t low, high;
    uint32_t id;
    uint32_t rank;
};

/* A segment ends where the next one begins. */
struct segment {
    uint64_t low;
    uint32_t id; /* INTERVAL_NONE = in no range */
};

struct intervals {
    struct interval *all; /* as added; NULL once flattened */
    size_t count, capacity;
    struct segment *segments; /* sorted by low */
    size_t segment_count;
};

void intervals_free(struct intervals *set);

/* Adds a range, unless it is empty. -1 = out of memory. */
int intervals_add(struct intervals *set, struct interval range);

/* Makes room for so many ranges in all, so that adding them takes no more than they need. -1 = out of memory. */
int intervals_reserve(struct intervals *set, size_t count);

/* Sorts ranges by low, in place: qsort() would take as much memory again. */
void intervals_sort(struct interval *all, size_t count);

/* Flattens the ranges and frees them. O(n log n). -1 = out of memory; the set is empty then. */
int intervals_finish(struct intervals *set);

/* The best range at an address, or INTERVAL_NONE. To be called after intervals_finish(). */
uint32_t intervals_find(const struct intervals *set, uint64_t address);

#endif
