/* map_ranges.h - what a process has mapped by itself: ranges of addresses, sorted, without overlaps.
 *
 * A mapping is one piece at first; if a part of it is unmapped, or replaced by another mapping, the rest
 * stays, as one piece or two. Pieces are in arrays of a few hundred ("pages"), and these in one array:
 * finding or inserting one takes two binary searches, and moves at most a few KiB.
 */
#ifndef LIBTRACE_MAP_RANGES_H
#define LIBTRACE_MAP_RANGES_H

#include "grow.h"

#include <stdbool.h>
#include <stdint.h>

/* What the program asked for in one call. */
struct map_origin {
    uint64_t start, end;
    uint32_t site; /* in tracker.mapped; 0 = not counted */
    /* The site that its pages count for; for mappings that a forked process inherited, the other process's
     * site. */
    uint32_t owner;
    uint32_t born;    /* tick */
    bool allocators;  /* it belongs to the allocator, for its blocks */
    uint32_t pieces;  /* pieces that are mapped */
    uint32_t removed; /* pieces that may come back, see struct map_removed */
};

struct map_range {
    uint64_t start, end;
    struct map_origin *origin;
};

struct map_ranges {
    struct grow pages; /* struct map_page *; none of them is empty */
    uint32_t page_count;
    uint32_t count; /* number of ranges */
};

/* What was removed last, to be put back if the program's call fails. */
struct map_removed {
    struct map_range one; /* nearly always it is one: then it is here, so that short threads cost no memory */
    struct map_range *more; /* all of them, if there have been several; NULL = there never were */
    uint32_t count, room;
};

#define MAP_RANGES_MOST (1u << 20) /* ranges of a process: only a damaged recording has more */

/* The first range that ends behind an address; false = none. */
bool map_ranges_next(const struct map_ranges *ranges, uint64_t from, struct map_range *range);

/* Adds a range where there is none. False = out of memory, or too many; then nothing is changed. */
bool map_ranges_put(struct map_ranges *ranges, const struct map_range *range);

/* Takes out the part of the first range that is in [from, to); false if there is none. *removed is what
 * was taken out. Its origin's count of pieces is correct afterwards; what to do when it is 0 is up to the
 * caller. The rest of the range behind `to` stays; without memory for that it is lost. */
bool map_ranges_cut(struct map_ranges *ranges, uint64_t from, uint64_t to, struct map_range *removed);

/* Gives a forked process, which has mapped nothing yet, the other's ranges, without counting them. Not if
 * there are very many, as this happens at each fork. Without memory, some are missing. */
#define MAP_RANGES_INHERITED_MOST 10000u
void map_ranges_inherit(struct map_ranges *ranges, const struct map_ranges *other);

void map_ranges_free(struct map_ranges *ranges); /* and the origins of its ranges */

/* To be called when nothing of an origin is mapped, and nothing may come back. */
void map_origin_release(struct map_origin *origin);

#endif
