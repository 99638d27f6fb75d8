/* call_tree.h - all stacks of a run, or of two, as one tree from the outermost frames inwards.
 *
 * Frames that a key says are the same become one node below their parent: keys are numbers of places, of
 * functions, or whatever the caller takes to be the same in both runs.
 */
#ifndef LIBTRACE_QUERY_CALL_TREE_H
#define LIBTRACE_QUERY_CALL_TREE_H

#include "profile.h"

struct tree_node {
    uint32_t parent; /* comes before it; the root is node 0, and its own parent */
    uint32_t key;
    uint32_t frame;             /* one of those that it stands for, in the run that had it first */
    struct store_measures m[2]; /* of each run: by itself; with all below it after tree_sum */
};

struct tree {
    struct tree_node *nodes;
    size_t count;
    uint64_t *slots; /* hash table of node indices by (parent, key); 0 = empty */
    size_t slot_count;
};

/* Adds a profile as the run of that number, 0 or 1. keys: by place. node_of gets, for each of the profile's
 * nodes, the tree's (malloc'ed; NULL = not wanted). False when memory is short; tree_free then too. */
int tree_add(struct tree *tree, const struct profile *profile, int which, const uint32_t *keys,
             uint32_t **node_of);

/* Adds what is below each node to it. */
void tree_sum(struct tree *tree);
void tree_free(struct tree *tree);

#endif
