/* map_events.h - what the program maps by itself: turns events into ranges of its process, and counts them in
 * a ledger of their own, tracker.mapped. None of it is in the totals of the heap.
 *
 * Address space is counted, in whole pages: an allocation is a call that maps, a free is when the last
 * piece of that mapping is gone.
 */
#ifndef LIBTRACE_MAP_EVENTS_H
#define LIBTRACE_MAP_EVENTS_H

#include "track.h"

/* A mapping; it replaces what was there. flags: bits of enum wire_map. */
void map_event_map(struct tracker *tracker, struct tracked_ring *r, uint64_t address, uint64_t length,
                   uint32_t node, uint32_t flags);

/* length 0: the whole mapping that begins there. */
void map_event_unmap(struct tracker *tracker, struct tracked_ring *r, uint64_t address, uint64_t length);

/* The ring's last unmap event did not happen. */
void map_event_unmap_fail(struct tracker *tracker, struct tracked_ring *r);

/* A ring is gone: what was unmapped stays so. */
void map_events_ring_gone(struct tracked_ring *r);

/* A process is gone, and its rings: nothing of it is mapped any more. What it had stays counted as live. */
void map_events_process_gone(struct tracked_process *process);

#endif
