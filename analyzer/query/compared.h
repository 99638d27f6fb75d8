/* compared.h - what compare compares: runs, or all runs of a label, each with the first. */
#ifndef LIBTRACE_QUERY_COMPARED_H
#define LIBTRACE_QUERY_COMPARED_H

#include "match.h"

#define COMPARED_MOST 16

/* One operand: a run, or the runs of a label. */
struct compared {
    char *name; /* the label if that is unambiguous, else 'run 3' */
    struct side side;
};

/* Finds the runs that the operands in argv[1...] name; without a second operand, the latest run is
 * compared with the one before. *count is set to their number, at least two. On failure prints why; call
 * compared_free() in any case. */
int compared_choose(struct report *report, int operands, char **argv, struct compared *all, size_t *count);

/* Names them: by their labels if these differ, else by number. */
void compared_name(struct compared *all, size_t count);
void compared_free(struct compared *all, size_t count);

#endif
