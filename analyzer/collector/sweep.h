/* sweep.h - which rings are read, in what order and up to when. */
#ifndef LIBTRACE_SWEEP_H
#define LIBTRACE_SWEEP_H

#include "track.h"

/* Reads what all rings hold, and ends the processes that tracker_reap_first() would end. Returns the number of words that
 * the fullest ring had. */
uint64_t sweep_all(struct tracker *tracker);

/* To be called after a look that found nothing: what the next sweep finds happened after ledger.now_ns,
 * not just after the last sweep. */
void sweep_none_before(struct tracker *tracker);

/* Takes in what all processes did before a time by CLOCK_MONOTONIC that came after the last sweep_all(), and what has no time. */
void sweep_before(struct tracker *tracker, uint64_t at_ns);

/* Takes in everything of one process, which is gone. */
void sweep_last(struct tracker *tracker, struct tracked_process *process);

#endif
