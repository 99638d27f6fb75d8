/* event_sites.h - which site an event counts for: that of its stack in its process, or in its thread. */
#ifndef LIBTRACE_EVENT_SITES_H
#define LIBTRACE_EVENT_SITES_H

#include "fast.h"
#include "track.h"

/* For a stack that has no site yet; and for any stack if threads are told apart. A stack that does not
 * exist counts for the root. Returns an index in the ledger; 0 = out of memory. */
uint32_t event_site_of_new(struct tracker *tracker, const struct tracked_ring *r, uint32_t node);
uint32_t event_site_of_thread(struct tracker *tracker, uint32_t thread, uint32_t node);

/* For a mapping: an index in tracker.mapped. */
uint32_t event_site_of_mapping(struct tracker *tracker, const struct tracked_ring *r, uint32_t node);

/* 0 = none yet. */
INLINE uint32_t event_site_seen(const struct tracked_process *process, uint32_t node)
{
    const struct grow *sites = &process->site_of_node;
    return (node + 1ull) * sizeof(uint32_t) <= sites->room ? ((const uint32_t *)sites->memory)[node] : 0;
}

/* careful: threads may be told apart. */
INLINE uint32_t event_site(struct tracker *tracker, const struct tracked_ring *r, uint32_t node, bool careful)
{
    if (careful && tracker->by_thread)
        return event_site_of_thread(tracker, r->thread, node);
    uint32_t site = event_site_seen(r->process, node);
    return LIKELY(site) ? site : event_site_of_new(tracker, r, node);
}

#endif
