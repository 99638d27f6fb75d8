/* by_type.h - measures by the type of the blocks and the line that they count for; and types of stacks. */
#ifndef LIBTRACE_QUERY_BY_TYPE_H
#define LIBTRACE_QUERY_BY_TYPE_H

#include "by_line.h"

/* lines_read() for GROUP_TYPE. */
int types_read(const struct report *report, const struct lines_query *query, struct lines *lines);

/* Sets the types of rows that are stacks. */
int types_of_stacks(const struct report *report, const struct run *run, struct lines *lines);

#endif
