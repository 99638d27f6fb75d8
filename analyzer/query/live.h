/* live.h - for a run that is still being recorded: its collector writes what is new when asked to. */
#ifndef LIBTRACE_QUERY_LIVE_H
#define LIBTRACE_QUERY_LIVE_H

#include "run.h"

/* The message for a collector that is stopped. */
extern const char live_stopped[];

/* Asks the run's collector, and waits until it has written, up to a second, or ten if it looks at resident
 * pages; the next transaction reads that. If it does not, prints why in one line on stderr, if `say` is set. */
void live_ask(struct report *report, const struct run *run, int say);

/* The same for all runs that are being recorded. */
void live_ask_all(struct report *report);

#endif
