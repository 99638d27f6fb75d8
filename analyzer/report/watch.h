/* watch.h - a report that refreshes in place on a terminal. */
#ifndef LIBTRACE_REPORT_WATCH_H
#define LIBTRACE_REPORT_WATCH_H

#include "report.h"

/* Opens the database and shows the report of a run; its number where it is still recording, else 0. Returns
 * the exit status. */
typedef int watch_show(struct report *report, const char *run, int64_t *recording);

/* Shows the report now and after each pause, over what it showed before; until the run is over, or somebody
 * presses Ctrl-C, which is a good end as well. What was shown last stays. Needs a terminal; says so where
 * there is none. */
int watch(struct report *report, double seconds, watch_show *show, const char *run);

#endif
