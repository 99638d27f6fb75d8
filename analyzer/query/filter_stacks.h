/* filter_stacks.h - what of a filter takes whole stacks, not only the line that they count for: --function, --below,
 * --skip-wrappers, --mine. For filter.c.
 */
#ifndef LIBTRACE_QUERY_FILTER_STACKS_H
#define LIBTRACE_QUERY_FILTER_STACKS_H

#include "filter.h"

/* Reads the run's stacks, where one of these is given. */
int filter_stacks_add(const struct report *report, struct filter *filter, const struct run *run);
void filter_stacks_free(struct filter *filter);

/* Whether --function and --below let a stack through. */
int filter_stacks_pass(const struct filter *filter, int64_t run, int64_t node);

/* The line that a stack counts for, which counted for this one. */
int64_t filter_stacks_charge(const struct filter *filter, int64_t run, int64_t node, int64_t line);

/* Names functions like the one that was asked for, where the runs have none of that name. */
void filter_stacks_print(const struct report *report, const struct filter *filter);

#endif
