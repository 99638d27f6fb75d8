/* branches.h - all stacks of a run as a tree, from the outermost callers inwards, or from the allocating
 * lines outwards.
 */
#ifndef LIBTRACE_QUERY_BRANCHES_H
#define LIBTRACE_QUERY_BRANCHES_H

#include "call_tree.h"

struct branches {
    const struct profile *profile;
    enum measure by;
    int inverted;     /* from the allocating lines outwards */
    int leaf;         /* begin at a stack's innermost place, not at the line that it counts for */
    int64_t smallest; /* nodes with a smaller value get no children */
    int64_t depth;    /* levels, 0 = all */
};

/* Fills an empty tree; each node's measures include everything below it, as after tree_sum(), and so does its variance. keys: for
 * each place, places with the same key become one node. */
void branches_grow(const struct branches *branches, const uint32_t *keys, struct tree *tree);

/* A position in one or more stacks that have been followed to the same place of the same node. Outwards of
 * it they are the same stack; inwards, they came the same way. */
struct branches_cursor {
    uint32_t key;         /* of the place */
    uint32_t node, place; /* of the profile; index into the places of the node's frame */
    struct store_measures m;
    double variance; /* of the measure that the tree is by; 0 in an exact run */
};

/* For following stacks outwards step by step. begin: at the line that the site counts for, or at the
 * innermost place. outwards: to the next place that is shown; false at the outermost. place: the place of
 * the profile that the cursor is at. */
struct branches_cursor branches_begin(const struct profile *profile, const struct profile_site *site,
                                      int leaf);
int branches_outwards(const struct profile *profile, struct branches_cursor *cursor);
uint32_t branches_place(const struct profile *profile, const struct branches_cursor *cursor);

/* For qsort(): by key, then by position; 0 = the cursors are at the same place of the same stacks. */
int branches_compare_cursors(const void *a, const void *b);

#endif
