/* inclusive.h - what was allocated in a line, function, file or module and in all that it called: of each stack once,
 * however often it is in it.
 */
#ifndef LIBTRACE_QUERY_INCLUSIVE_H
#define LIBTRACE_QUERY_INCLUSIVE_H

#include "by_line.h"

/* Rows as lines_read() has them; the sum is what was allocated in all, not that of the rows. */
int inclusive_read(const struct report *report, const struct lines_query *query, struct lines *lines);

#endif
