/* pager.h - what is longer than the terminal goes through a pager, as with git: $PAGER, or less -FRX.
 *
 * A report's whole output is kept until its end, as its length is not known before; what fits is printed
 * directly.
 */
#ifndef LIBTRACE_QUERY_PAGER_H
#define LIBTRACE_QUERY_PAGER_H

#include "report.h"

/* From here on, standard output is kept, if it is a terminal; not with PAGER=cat, PAGER= or TERM=dumb. */
void pager_begin(struct report *report);

/* Lets standard output be the terminal again, for reports that draw on it. */
void pager_leave(struct report *report);

/* Shows what was kept, in the pager or directly, and ends keeping it. */
void pager_end(struct report *report);

/* How many rows a line takes on a terminal of so many columns; escape sequences for colours take no room. */
int pager_rows(const char *line, size_t size, int columns);

#endif
