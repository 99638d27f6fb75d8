/* map_ranges.h - what a process has mapped by itself: ranges of addresses, in order, none of which overlaps another.
 *
 * A mapping is in one piece at first; where a part of it is unmapped, or replaced by another mapping, the rest stays, in
 * one piece or two. Pieces lie in arrays of a few hundred, and these in an array: to find one, or to put one in, takes
 * two searches, and moves a few KiB at most.
 */
#ifndef LIBTRACE_MAP_RANGES_H
#define LIBTRACE_MAP_RANGES_H

#include "grow.h"

#include <stdbool.h>
#include <stdint.h>

/* What the program asked for at once. */
struct map_origin {
    uint64_t start, end;
    uint32_t site; /* in tracker.mapped; 0 = not counted */
    uint32_t
        owner; /* the site that its pages are charged to: of what a forked process has from the other, the other's */
    uint32_t born;    /* tick */
    bool allocators;  /* the allocator's, for its blocks */
    uint32_t pieces;  /* that are mapped, */
    uint32_t removed; /* and that may come back, see struct map_removed */
};

struct map_range {
    uint64_t start, end;
    struct map_origin *origin;
};

struct map_ranges {
    struct grow pages; /* struct map_page *, none of them empty */
    uint32_t page_count;
    uint32_t count; /* ranges */
};

/* What was taken out last, to be put back should the program's call fail. */
struct map_removed {
    struct grow ranges; /* struct map_range */
    uint32_t count;
};

#define MAP_RANGES_MOST (1u << 20) /* of a process: there is room for more only in a damaged record */

/* The first range that ends behind an address; false if there is none. */
bool map_ranges_next(const struct map_ranges *ranges, uint64_t from, struct map_range *range);

/* Adds a range where there is none. False: no memory, or too many; then it is not there, and the origin not changed. */
bool map_ranges_put(struct map_ranges *ranges, const struct map_range *range);

/* Takes out the part of the first range that is in [from, to), from its start or from `from` on: false if there is none.
 * *removed is what was taken out; its origin's pieces are right, and what is done with it where there are none left is
 * the caller's. What is behind it in the same range stays; without memory for that it is lost. */
bool map_ranges_cut(struct map_ranges *ranges, uint64_t from, uint64_t to, struct map_range *removed);

/* What a forked process, which has mapped nothing yet, has of the other's: none of it is counted. Not of a process with
 * very many: they are looked for at each fork. On lack of memory some of it is not there. */
#define MAP_RANGES_INHERITED_MOST 10000u
void map_ranges_inherit(struct map_ranges *ranges, const struct map_ranges *other);

void map_ranges_free(struct map_ranges *ranges); /* and the origins of what is in it */

/* Once nothing is mapped of an origin, and nothing may come back. */
void map_origin_release(struct map_origin *origin);

#endif
