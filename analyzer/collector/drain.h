/* drain.h - from the rings to the ledger. */
#ifndef LIBTRACE_DRAIN_H
#define LIBTRACE_DRAIN_H

#include "track.h"

/* Reads what all rings hold. Returns the number of words that the fullest ring had. */
uint64_t drain_all(struct tracker *tracker);

/* To be called after a look that found nothing: what the next sweep finds happened after ledger.now_ns,
 * not just after the last sweep. */
void drain_none_before(struct tracker *tracker);

/* Takes in what all processes did before a time by CLOCK_MONOTONIC that came after the last drain_all(), and what has no time. */
void drain_before(struct tracker *tracker, uint64_t at_ns);

/* Takes in everything of one process, which is gone. */
void drain_last(struct tracker *tracker, struct tracked_process *process);

#endif
