/* map_events.h - what the program maps by itself: from events to the ranges of its process, and to a ledger of their own,
 * tracker.mapped. Nothing of it is in the totals of the heap.
 *
 * What is counted is address space, in whole pages: an allocation is a call that maps, a free what ends the last piece of
 * that mapping.
 */
#ifndef LIBTRACE_MAP_EVENTS_H
#define LIBTRACE_MAP_EVENTS_H

#include "track.h"

/* A mapping; what was there is replaced. flags: bits of enum wire_map. */
void map_event_map(struct tracker *tracker, struct tracked_ring *r, uint64_t address, uint64_t length,
                   uint32_t node, uint32_t flags);

/* length 0: all of the mapping that begins there. */
void map_event_unmap(struct tracker *tracker, struct tracked_ring *r, uint64_t address, uint64_t length);

/* The last one of the ring did not happen. */
void map_event_unmap_fail(struct tracker *tracker, struct tracked_ring *r);

/* A ring is gone: what was unmapped stays so. */
void map_events_ring_gone(struct tracked_ring *r);

/* A process is gone: nothing of it is mapped any more, and its rings are gone. What it had stays counted as live. */
void map_events_process_gone(struct tracked_process *process);

#endif
