/* fetch_ahead.h - prefetches what the next events will touch. Part of drain.c's inner loop, which includes
 * it. */
#ifndef LIBTRACE_FETCH_AHEAD_H
#define LIBTRACE_FETCH_AHEAD_H

#include "event_sites.h"
#include "working_set.h"

#define DRAIN_MASK (WIRE_RING_WORDS - 1) /* turns the number of a word into its index in the ring */

#define FETCH_AHEAD 48                 /* words: how far ahead the block of an event is prefetched */
#define FETCH_BLOCKS_CACHED (1u << 20) /* with fewer bytes of leaves than this, */
#define FETCH_SITES_CACHED 8192        /* and fewer sites (1 MiB), they are in a cache without prefetching */

/* Two steps: far ahead, the leaf of the block, and the entry with the node's site; nearer, when these
 * should have arrived, the site. Each step advances by one event for each event consumed, so its distance
 * stays the same. If all sites are cached, there is no second step. */
INLINE bool has_node(enum wire_event type)
{
    return type == WIRE_ALLOC || type == WIRE_OBJECT || type == WIRE_MOVE || type == WIRE_RETYPE;
}

/* What of the ring's next events is not in a cache. */
struct fetch {
    bool blocks, sites;
};

static inline struct fetch fetch_what(struct tracker *tracker, struct tracked_ring *r)
{
    struct fetch what = {r->process->blocks.leaf_bytes > FETCH_BLOCKS_CACHED,
                         tracker->ledger.count > FETCH_SITES_CACHED};
    if (UNLIKELY(what.blocks || what.sites)) {
        if (UNLIKELY(r->tail >= r->looked))
            working_set_look(tracker, r);
        what.sites &= r->fetch_sites;
        what.blocks &= r->fetch_blocks;
    }
    return what;
}

INLINE void fetch_far(struct tracked_ring *r, bool sites)
{
    const struct tracked_process *process = r->process;
    uint64_t word = r->words[r->far++ & DRAIN_MASK];
    blocks_prefetch(&process->blocks, wire_address(word)); /* if the event has a block */
    if (!has_node(wire_type(word)))
        return;
    uint64_t node = r->words[r->far++ & DRAIN_MASK] >> 32;
    const uint32_t *entries = process->site_of_node.memory;
    if (sites && node * sizeof *entries < process->site_of_node.room)
        __builtin_prefetch(&entries[node]);
}

INLINE void fetch_near(const struct tracker *tracker, struct tracked_ring *r)
{
    const struct tracked_process *process = r->process;
    uint64_t word = r->words[r->near++ & DRAIN_MASK];
    enum wire_event type = wire_type(word);
    uint32_t site = 0;
    if (has_node(type))
        site = event_site_seen(process, (uint32_t)(r->words[r->near++ & DRAIN_MASK] >> 32));
    else if (type == WIRE_FREE)
        site = blocks_peek_site(&process->blocks, wire_address(word));
    const char *memory = (const char *)ledger_site(&tracker->ledger, site);
    __builtin_prefetch(memory, 1);
    __builtin_prefetch(memory + 64, 1);
}

/* After a pause, or when the steps have fallen behind. */
static __attribute__((noinline)) void fetch_anew(const struct tracker *tracker, struct tracked_ring *r,
                                                 uint64_t tail, bool sites)
{
    if (r->far < tail)
        r->far = tail;
    if (r->near < tail)
        r->near = tail;
    while (r->far < tail + FETCH_AHEAD && r->far < r->head)
        fetch_far(r, sites);
    while (sites && r->near < tail + FETCH_AHEAD / 2 && r->near < r->far)
        fetch_near(tracker, r);
}

/* For a ring that was read up to tail. sites: prefetch sites, too. */
INLINE void fetch(const struct tracker *tracker, struct tracked_ring *r, uint64_t tail, bool sites)
{
    if (UNLIKELY((sites ? r->near : r->far) < tail + FETCH_AHEAD / 4))
        fetch_anew(tracker, r, tail, sites);
    if (LIKELY(r->far < r->head))
        fetch_far(r, sites);
    if (sites && LIKELY(r->near < r->far))
        fetch_near(tracker, r);
}

#endif
