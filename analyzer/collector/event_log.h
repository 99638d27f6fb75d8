/* event_log.h - LIBTRACE_EVENTS=1: every allocation and free as it was counted, until the writer has it. Nothing here is on
 * the path of other runs. */
#ifndef LIBTRACE_EVENT_LOG_H
#define LIBTRACE_EVENT_LOG_H

#include "track.h"

/* An event of the ring's thread. */
void event_log_add(struct tracker *tracker, const struct tracked_ring *r, uint64_t address, uint64_t size,
                   uint32_t node, bool is_free);

/* The free of a block that was seen too late or too early, if there is a log: there it stands between the two
 * allocations. tid 0: it is not known whose free it was. */
void event_log_add_free(struct tracker *tracker, const struct tracked_process *process, uint32_t tid,
                        const struct block *block);

/* The allocation gets the right stack, unless it was written before: then its type is the expected one. */
void event_log_retype(struct tracker *tracker, const struct tracked_process *process, uint64_t address,
                      uint32_t node);

/* How many of the first events may be written: the type of the latest objects is not known yet, so that they may get
 * another stack. */
uint64_t event_log_settled(const struct tracker *tracker);

/* Forgets so many of the first. */
void event_log_forget(struct tracker *tracker, uint64_t count);

#endif
