/* filter_stacks.h - the filters that need whole stacks, not only the line that they count for: --function,
 * --below, --type, --skip-wrappers, --mine. For filter.c. */
#ifndef LIBTRACE_QUERY_FILTER_STACKS_H
#define LIBTRACE_QUERY_FILTER_STACKS_H

#include "filter.h"

/* Reads the run's stacks, if one of these options was given. */
int filter_stacks_add(const struct report *report, struct filter *filter, const struct run *run);
void filter_stacks_free(struct filter *filter);

/* True if the stack passes --function, --below and --type. */
int filter_stacks_pass(const struct filter *filter, int64_t run, int64_t node);

/* The line to charge for a stack that counts for `line` without these options. */
int64_t filter_stacks_charge(const struct filter *filter, int64_t run, int64_t node, int64_t line);

/* Prints the names of similar functions, or types, if the runs have none of the name asked for. */
void filter_stacks_print(const struct report *report, const struct filter *filter);

#endif
