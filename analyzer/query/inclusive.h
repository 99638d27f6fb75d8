/* inclusive.h - what was allocated by a line, function, file or module and by everything that it called. A
 * stack counts once for it, however often it is in that stack. */
#ifndef LIBTRACE_QUERY_INCLUSIVE_H
#define LIBTRACE_QUERY_INCLUSIVE_H

#include "by_line.h"

/* Rows as lines_read() returns them; the sum is what was allocated in all, not the sum of the rows. */
int inclusive_read(const struct report *report, const struct lines_query *query, struct lines *lines);

#endif
