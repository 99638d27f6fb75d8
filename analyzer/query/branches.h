/* branches.h - all stacks of a run as a tree, from the outermost callers inwards, or from the allocating
 * lines outwards.
 */
#ifndef LIBTRACE_QUERY_BRANCHES_H
#define LIBTRACE_QUERY_BRANCHES_H

#include "call_tree.h"

struct branches {
    const struct profile *profile;
    enum measure by;
    int inverted;     /* outwards */
    int leaf;         /* begin at the innermost place of a stack, not at the one that it counts for */
    int64_t smallest; /* value of a node below which the tree goes on */
    int64_t depth;    /* levels, 0 = all */
};

/* Fills an empty tree; nodes count all below them, as after tree_sum. keys: by place. False when memory is
 * short; tree_free then too. */
int branches_grow(const struct branches *branches, const uint32_t *keys, struct tree *tree);

/* Stacks followed to the same place of the same node: from there on outwards they are one, and inwards they
 * were one so far. */
struct branches_cursor {
    uint32_t key;         /* of the place */
    uint32_t node, place; /* of the profile; which of the node's frame's places */
    struct store_measures m;
};

/* For who follows stacks outwards step by step: a site's begins at the line that it counts for, or at its innermost one;
 * then one place further that is shown, false at the outermost; and which place of the profile it is at. */
struct branches_cursor branches_begin(const struct profile *profile, const struct profile_site *site,
                                      int leaf);
int branches_outwards(const struct profile *profile, struct branches_cursor *cursor);
uint32_t branches_place(const struct profile *profile, const struct branches_cursor *cursor);

#endif
