/* increment.h - a run at one moment, and what is new in it since the one before.
 *
 * Servers add up what was allocated over the profiles of a time, so each profile has what was allocated since the one
 * before it; what is in use they show as it was at each moment. So the sum of all that was pushed of a run is the
 * run's total.
 */
#ifndef LIBTRACE_PUSH_INCREMENT_H
#define LIBTRACE_PUSH_INCREMENT_H

#include "export.h"

/* What a stack's blocks of one type had when they were pushed last, in all processes. */
struct pushed_site {
    int64_t node;
    int64_t parent, frame; /* of the node: those of the stack's other types have the same */
    int64_t allocations, bytes;
};

/* What was pushed of a run so far; {0}: nothing. */
struct pushed {
    struct pushed_site *sites; /* by node */
    size_t count;
    int64_t until_ns; /* 0 = nothing was pushed */
};

struct increment {
    struct report *report;
    struct run run;
    struct profile profile; /* its sites have what is new; those of processes are added up */
    struct export_interval interval;
    const char *name; /* --name; NULL = the environment's, or the run's label */
};

/* Opens the database, and reads the run that `run` names, less what was pushed before. *next, which is {0}, gets what
 * has been pushed once this is, in memory of its own. Returns an exit status, after saying what is wrong. */
int increment_take(struct report *report, const char *run, const struct pushed *before, struct pushed *next,
                   struct increment *increment);

/* After failure, too. Closes the database: the run's collector may want to finish it. */
void increment_free(struct increment *increment);

#endif
