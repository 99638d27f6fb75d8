/* callers.h - the callers of a line, as a tree from the line outwards. A node's callers are computed when
 * it is opened. */
#ifndef LIBTRACE_BROWSE_CALLERS_H
#define LIBTRACE_BROWSE_CALLERS_H

#include "branches.h"
#include "by_line.h"

/* A place, reached from the line by one particular way. */
struct caller {
    struct line_row
        /* texts belong to the tree, so that they outlive the profile; m: sum of all stacks by this way; v: of the
         * measure that the tree was begun with */
        row;
    uint32_t parent;       /* an earlier node; the line itself is node 0, and its own parent */
    uint32_t first, count; /* its callers, the largest first, once it has been opened */
    unsigned depth;        /* forks between the line and this node: determines its indentation */
    unsigned char grown, open, outermost;
    /* its stacks, and its position in each; they belong to the profile that the tree was made from */
    struct branches_cursor *stacks;
    size_t stack_count;
};

struct callers {
    const struct profile *profile;
    const uint32_t *keys; /* by place */
    enum measure by;
    struct caller *nodes;
    size_t count;
    uint32_t *shown; /* visible nodes, beginning with the line: those whose parents are open */
    size_t shown_count;
};

/* Begins a tree with the line's stacks, with all nodes closed; without stacks there is no node. */
void callers_begin(struct callers *callers, const struct profile *profile, const uint32_t *keys,
                   enum measure by, const struct line_row *line);

/* Opens the largest caller again and again, as long as it is more than half of its node. */
void callers_open_most(struct callers *callers);

/* Opens or closes a node. */
void callers_open(struct callers *callers, uint32_t node);
void callers_close(struct callers *callers, uint32_t node);

/* Opens the nodes that are open in another tree of the same line, where they exist. *selected, a node of
 * the other tree, is replaced by the same node of this one. */
void callers_open_alike(struct callers *callers, const struct callers *other, uint32_t *selected);

/* Sorts the callers of each node by another measure. The errors stay those of the one before: of a sampled run a tree is
 * begun anew. */
void callers_sort(struct callers *callers, enum measure by);
void callers_free(struct callers *callers);

/* True if two rows are the same line. */
int callers_same_line(const struct line_row *a, const struct line_row *b);

#endif
