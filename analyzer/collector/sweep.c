/* sweep.c - see sweep.h. */
#include "sweep.h"
#include "drain.h"
#include "fast.h"
#include "inherited.h"
#include "pending_frees.h"
#include "processor.h"
#include "rings.h"
#include "trim.h"

#include <stdlib.h>

#define AHEAD_TICKS \
    (1ull << 30) /* a third of a second: what is published during a sweep is at most that much later */

/* In the unit of stamps. */
static uint64_t stamp_ahead(const struct tracker *tracker)
{
    return AHEAD_TICKS >> tracker->arena->stamp_shift;
}

/* More was published than fits, or the head went back: what is in the ring cannot be known. */
static __attribute__((noinline, cold)) void read_anew(struct tracked_ring *r)
{
    arena_damage(r->process->slot);
    r->tail = r->head = r->far = r->near = r->looked = r->run_from = arena_ring_discard(r->ring);
    r->last_made = 0;
    r->huge = 0;
    r->moved = false;
}

void sweep_none_before(struct tracker *tracker)
{
    tracker->read_tick = (uint32_t)(tracker->ledger.now_ns / WIRE_TICK_NS);
}

/* Reads each ring's head, of one process or of all (NULL). */
static void read_heads(struct tracker *tracker, const struct tracked_process *only)
{
    tracker->tick = tracker->read_tick;
    if (!only)
        sweep_none_before(tracker);
    for (uint32_t i = 0; i < tracker->ring_count; i++) {
        struct tracked_ring *r = tracker->rings[i];
        if (!r || (only && r->process != only))
            continue;
        r->head = arena_ring_head(r->ring);
        trim_follow(r);
        if (UNLIKELY(!arena_ring_holds(r->tail, r->head)))
            read_anew(r);
        else
            arena_ring_keep(r->ring, r->tail); /* a writer that waits for space looks at it */
    }
}

/* Puts rings that hold something on their processes' lists. Returns the number of words in the fullest. */
static uint64_t list_active(struct tracker *tracker, const struct tracked_process *only)
{
    uint64_t fullest = 0;
    for (uint32_t i = 0; i < tracker->ring_count; i++) {
        struct tracked_ring *r = tracker->rings[i];
        if (!r || r->head == r->tail || (only && r->process != only))
            continue;
        struct tracked_ring **place =
            GROW_AT(&r->process->active, struct tracked_ring *, r->process->active_count);
        if (!place)
            continue;
        *place = r;
        r->process->active_count++;
        if (UNLIKELY(r->stamp > tracker->limit)) /* the clock was set back, by a suspend or a migration */
            r->stamp = tracker->limit - stamp_ahead(tracker);
        if (r->head - r->tail > fullest)
            fullest = r->head - r->tail;
    }
    return fullest;
}

static void note_inherited(void *process, uint64_t address)
{
    inherited_freed(process, address);
}

static void expire(struct tracked_process *process, uint32_t sweep, bool last)
{
    process->foreign_frees += pending_expire(&process->pending, sweep, last, note_inherited, process);
}

/* Where the counter of the stamps stood at a time, between the last sweep and now: it goes on evenly. 0 = before that.
 * Before the first sweep it is not known, and now is said. */
static uint64_t stamp_at(const struct tracker *tracker, uint64_t at_ns)
{
    uint64_t counter = processor_ticks(), now_ns = tracker_clock();
    if (tracker->swept_ns == 0)
        return counter >> tracker->arena->stamp_shift;
    if (at_ns <= tracker->swept_ns || counter <= tracker->swept)
        return 0;
    double share =
        at_ns < now_ns ? (double)(at_ns - tracker->swept_ns) / (double)(now_ns - tracker->swept_ns) : 1;
    return (tracker->swept + (uint64_t)(share * (double)(counter - tracker->swept))) >>
           tracker->arena->stamp_shift;
}

void sweep_before(struct tracker *tracker, uint64_t at_ns)
{
    uint64_t limit = stamp_at(tracker, at_ns);
    if (!limit)
        return;
    tracker->limit = (processor_ticks() >> tracker->arena->stamp_shift) + stamp_ahead(tracker);
    read_heads(tracker, NULL);
    tracker_look(tracker);
    list_active(tracker, NULL);
    for (uint32_t i = tracker->first_living; i < tracker->process_count; i++) {
        struct tracked_process *process = tracker_process(tracker, i);
        if (process->facts.started_ns >= at_ns) /* its events may have no time */
            process->active_count = 0;
        drain_process(tracker, process, limit);
    }
}

uint64_t sweep_all(struct tracker *tracker)
{
    uint64_t limit;
    arena_swept(tracker->arena, tracker->sweep++);
    do {
        tracker->swept_ns = tracker_clock();
        tracker->swept = processor_ticks();
        limit = tracker->swept >> tracker->arena->stamp_shift;
        tracker->limit = limit + stamp_ahead(tracker);
        read_heads(tracker, NULL);
        /* Which looks for new rings first, after reading the heads: whatever the events read so far refer to is in a
         * ring that is known then. Then for ends: what is read now may have come after them. */
    } while (tracker_reap_first(tracker));
    uint64_t fullest = list_active(tracker, NULL);
    for (uint32_t i = tracker->first_living; i < tracker->process_count; i++) {
        struct tracked_process *process = tracker_process(tracker, i);
        drain_process(tracker, process, limit);
        if (UNLIKELY(process->pending != NULL))
            expire(process, tracker->sweep, false);
    }
    return fullest;
}

void sweep_last(struct tracker *tracker, struct tracked_process *process)
{
    tracker->limit = UINT64_MAX;
    tracker_look(tracker); /* threads may have begun since the last sweep */
    read_heads(tracker, process);
    list_active(tracker, process);
    drain_process(tracker, process, UINT64_MAX);
    expire(process, 0, true);
}
