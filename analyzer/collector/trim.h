/* trim.h - gives back the memory of rings that hold little. How writer and collector agree on what may be
 * given back is said in wire.h.
 */
#ifndef LIBTRACE_TRIM_H
#define LIBTRACE_TRIM_H

#include "rings.h"
#include "track.h"

/* A ring that was added: its buffer is as an earlier thread has left it. */
void trim_added(struct tracked_ring *r);

/* Steps over what the writer has skipped, if it has; after the ring's head was read. */
static inline void trim_follow(struct tracked_ring *r)
{
    uint64_t begin = arena_ring_begin(r->ring, r->tail, r->head);
    if (__builtin_expect(begin != r->tail, 0)) {
        if (r->tail - r->run_from > r->longest)
            r->longest = r->tail - r->run_from;
        r->tail = r->run_from = begin;
    }
}

/* Nobody writes to the ring any more, and all was read: keeps no more of it than a thread that is quiet. */
void trim_released(struct tracker *tracker, struct tracked_ring *r);

/* Gives back what rings need no more: of all of them, a few at a time, every half second. True if there are
 * more to be looked at very soon. */
bool trim_rings(struct tracker *tracker, uint64_t now_ns);

#endif
