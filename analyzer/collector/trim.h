/* trim.h - returns the memory of rings that hold little. wire.h describes how writer and collector agree on
 * what may be returned. */
#ifndef LIBTRACE_TRIM_H
#define LIBTRACE_TRIM_H

#include "rings.h"
#include "track.h"

/* For a ring that was added: its buffer is as an earlier thread left it. */
void trim_added(struct tracked_ring *r);

/* Steps over what the writer has skipped; to be called after the ring's head was read. */
static inline void trim_follow(struct tracked_ring *r)
{
    uint64_t begin = arena_ring_begin(r->ring, r->tail, r->head);
    if (__builtin_expect(begin != r->tail, 0)) {
        if (r->tail - r->run_from > r->longest)
            r->longest = r->tail - r->run_from;
        r->tail = r->run_from = begin;
    }
}

/* Nobody writes to the ring any more, and everything was read: keeps no more memory than for a quiet
 * thread. */
void trim_released(struct tracker *tracker, struct tracked_ring *r);

/* Returns memory that rings do not need any more: a few rings at a time, all of them every half second.
 * True if there are more to look at very soon. */
bool trim_rings(struct tracker *tracker, uint64_t now_ns);

#endif
