/* live.h - a run that is still recording: its collector writes what is new when it is asked. */
#ifndef LIBTRACE_QUERY_LIVE_H
#define LIBTRACE_QUERY_LIVE_H

#include "run.h"

/* What is said of a collector that stands still. */
extern const char live_stopped[];

/* Asks the run's collector, and waits up to a second for what it writes; it is read with the next
 * transaction. Where that does not come, says why in one line on stderr, if it is wanted. */
void live_ask(struct report *report, const struct run *run, int say);

/* The same for all runs that are recording. */
void live_ask_all(struct report *report);

#endif
