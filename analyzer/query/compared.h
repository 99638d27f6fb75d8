/* compared.h - who is compared: runs, or all runs of a label, each with the first. */
#ifndef LIBTRACE_QUERY_COMPARED_H
#define LIBTRACE_QUERY_COMPARED_H

#include "match.h"

#define COMPARED_MOST 16

/* One operand: a run, or the runs of a label. */
struct compared {
    char *name; /* the label where that tells them apart, else 'run 3' */
    struct side side;
};

/* Finds those that the operands name, in argv[1...]; without a second one, the latest run is it, and the one
 * before it the first. *count becomes their number, two at least. On failure says why; compared_free in any
 * case. */
int compared_choose(struct report *report, int operands, char **argv, struct compared *all, size_t *count);

/* Gives them names: labels tell them apart, or else numbers do. */
void compared_name(struct compared *all, size_t count);
void compared_free(struct compared *all, size_t count);

#endif
