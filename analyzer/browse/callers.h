/* callers.h - who calls a line: a tree from it outwards. A node's callers are looked for when it is opened. */
#ifndef LIBTRACE_BROWSE_CALLERS_H
#define LIBTRACE_BROWSE_CALLERS_H

#include "branches.h"
#include "by_line.h"

/* A place, by the way that leads to it from the line. */
struct caller {
    struct line_row
        row; /* its texts are the tree's own, so that they outlive the profile; m: of all stacks by this way */
    uint32_t parent;       /* comes before it; the line itself is node 0, and its own parent */
    uint32_t first, count; /* its callers, once it has been opened: the largest first */
    unsigned depth;        /* forks before it: how far in it is shown */
    unsigned char grown, open, outermost;
    struct branches_cursor *stacks; /* where it is in them; of the profile that the tree was made from */
    size_t stack_count;
};

struct callers {
    const struct profile *profile;
    const uint32_t *keys; /* by place */
    enum measure by;
    struct caller *nodes;
    size_t count;
    uint32_t *shown; /* nodes, from the line on: those whose parents are open */
    size_t shown_count;
};

/* The line's stacks, all closed; without any there is no node. False when memory is short; callers_free then too. */
int callers_begin(struct callers *callers, const struct profile *profile, const uint32_t *keys,
                  enum measure by, const struct line_row *line);

/* Opens the way by which most of it comes, as long as that is more than half. False when memory is short. */
int callers_open_most(struct callers *callers);

/* Opens a node, or closes it; false when memory is short. */
int callers_open(struct callers *callers, uint32_t node);
int callers_close(struct callers *callers, uint32_t node);

/* Opens what is open in another tree of the same line, if it is there; *selected, a node of that, becomes the one in this. */
int callers_open_alike(struct callers *callers, const struct callers *other, uint32_t *selected);

/* The callers of each node in another order. */
int callers_sort(struct callers *callers, enum measure by);
void callers_free(struct callers *callers);

/* Whether two rows are the same line. */
int callers_same_line(const struct line_row *a, const struct line_row *b);

#endif
