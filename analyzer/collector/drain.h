/* drain.h - from the rings of a process to the ledger. */
#ifndef LIBTRACE_DRAIN_H
#define LIBTRACE_DRAIN_H

#include "track.h"

/* Reads the rings on the process's list of active ones up to their heads; limit: the latest time to read, by stamps. */
void drain_process(struct tracker *tracker, struct tracked_process *process, uint64_t limit);

#endif
