/* brief.h - a run in three lines: what it held at its peak, where most of that came from, what is live at its end. */
#ifndef LIBTRACE_REPORT_BRIEF_H
#define LIBTRACE_REPORT_BRIEF_H

#include "run.h"

int brief_print(struct report *report, const struct run *run);

/* The latest run that has a process of this PID and began no earlier than this second of the epoch; 0 = there is none,
 * or its collector has not written it yet. */
int brief_run_of(struct report *report, int64_t pid, int64_t since, int64_t *number);

#endif
