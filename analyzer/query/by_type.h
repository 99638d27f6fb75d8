/* by_type.h - measures by the type of the blocks and the line that they count for. */
#ifndef LIBTRACE_QUERY_BY_TYPE_H
#define LIBTRACE_QUERY_BY_TYPE_H

#include "by_line.h"

/* lines_read() for GROUP_TYPE. */
int types_read(const struct report *report, const struct lines_query *query, struct lines *lines);

#endif
