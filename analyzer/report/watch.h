/* watch.h - a report that refreshes in place on a terminal. */
#ifndef LIBTRACE_REPORT_WATCH_H
#define LIBTRACE_REPORT_WATCH_H

#include "report.h"

/* Opens the database and prints the report of a run. *recording: the run's number if it is still being
 * recorded, else 0. Returns the exit status. */
typedef int watch_show(struct report *report, const char *run, int64_t *recording);

/* Prints the report now and after each pause, over the previous one, until the run is over or the user
 * presses Ctrl-C, which is no failure. The last report stays on the screen. Without a terminal, prints an
 * error. */
int watch(struct report *report, double seconds, watch_show *show, const char *run);

#endif
