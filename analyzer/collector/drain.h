/* drain.h - from the rings to the ledger. */
#ifndef LIBTRACE_DRAIN_H
#define LIBTRACE_DRAIN_H

#include "track.h"

/* Takes in what all rings hold. Returns the words that the fullest ring had. */
uint64_t drain_all(struct tracker *tracker);

/* Takes in everything of one process, which is gone. */
void drain_last(struct tracker *tracker, struct tracked_process *process);

#endif
