/* brief.h - a run in three lines: what it held at its peak, where most of that came from, and what was
 * live at its end. */
#ifndef LIBTRACE_REPORT_BRIEF_H
#define LIBTRACE_REPORT_BRIEF_H

#include "run.h"

int brief_print(struct report *report, const struct run *run);

/* Finds the latest run that has a process with this PID and began no earlier than `since` (seconds since
 * 1970). *number = 0 if there is none, or its collector has not written it yet. */
int brief_run_of(struct report *report, int64_t pid, int64_t since, int64_t *number);

#endif
