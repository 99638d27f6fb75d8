/* call_tree.h - all stacks of a run, or of two, as one tree from the outermost frames inwards.
 *
 * Frames with the same key below the same parent become one node. A key is the number of a place, of a
 * function, or of whatever the caller treats as the same in both runs.
 */
#ifndef LIBTRACE_QUERY_CALL_TREE_H
#define LIBTRACE_QUERY_CALL_TREE_H

#include "profile.h"

struct tree_node {
    uint32_t parent; /* its index is smaller; the root is node 0, and its own parent */
    uint32_t key;
    uint32_t frame;             /* one of the frames that it stands for, in the run that had it first */
    struct store_measures m[2]; /* of each run: by itself; after tree_sum(), with everything below it */
    double variance;            /* of the measure that branches_grow() was asked for; 0 in an exact run */
};

struct tree {
    struct tree_node *nodes;
    size_t count;
    uint64_t *slots; /* hash table of node indices by (parent, key); 0 = empty */
    size_t slot_count;
};

/* Adds a profile as run number `which`, 0 or 1. keys: for each place. *node_of becomes an array with the
 * tree's node for each of the profile's (malloc'ed; NULL = not wanted). */
void tree_add(struct tree *tree, const struct profile *profile, int which, const uint32_t *keys,
              uint32_t **node_of);

/* Adds to each node what is below it. */
void tree_sum(struct tree *tree);
void tree_free(struct tree *tree);

#endif
