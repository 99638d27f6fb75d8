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

#endif
