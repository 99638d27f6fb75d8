/* pager.h - what is longer than the terminal is shown by a pager, as git does: $PAGER, or less -FRX.
 *
 * All that a report prints is kept until its end, as only then its length is known; what fits is printed as it is.
 */
#ifndef LIBTRACE_QUERY_PAGER_H
#define LIBTRACE_QUERY_PAGER_H

#include "report.h"

/* From here on standard output is kept, where it is a terminal; not with PAGER=cat, PAGER= or TERM=dumb. */
void pager_begin(struct report *report);

/* Standard output is the terminal again: who draws on it has no use for a pager. */
void pager_leave(struct report *report);

/* Shows what was kept, and ends it. */
void pager_end(struct report *report);

/* Rows that a line takes on a terminal of so many columns: colours take none. */
int pager_rows(const char *line, size_t size, int columns);

#endif
