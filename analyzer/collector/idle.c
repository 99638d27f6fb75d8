/* idle.c - see idle.h.
 *
 * Each ring says from which word on its thread has to take the slow path (wire.h, slow_at). If this is set to 0, that
 * thread's next event takes it, and wakes us. So the rings are armed that way, and if nothing was written by the next
 * look, everything that can happen will wake us: events, new threads and processes, ends (deaths.h), signals.
 */
#include "idle.h"
#include "rings.h"

#define QUIET_LOOKS 10        /* after so many looks without anything new, arming is worthwhile */
#define SLEEP_NS 700000000ull /* one sleep */

/* True if anything that these processes do would wake us, and none of them is waiting for us. */
static bool will_be_woken(const struct tracker *tracker)
{
    for (uint32_t i = tracker->first_living; i < tracker->process_count; i++) {
        const struct tracked_process *process = tracker_process(tracker, i);
        if (!process->ended && (process->pidfd < 0 || !arena_wakes_us(process->slot)))
            return false;
    }
    return tracker->unwritten == 0 && tracker->event_count == 0;
}

static void arm(const struct tracker *tracker)
{
    for (uint32_t i = 0; i < tracker->ring_count; i++)
        if (tracker->rings[i])
            arena_ring_arm(tracker->rings[i]->ring);
}

/* True if no thread has written, or begun, since the rings were armed. */
static bool all_quiet(const struct tracker *tracker)
{
    uint32_t slots = arena_rings(tracker->arena);
    for (uint32_t i = 0; i < slots; i++) {
        const struct tracked_ring *r = tracker->rings[i];
        if (r ? !arena_ring_armed(r->ring) || arena_ring_head(r->ring) != r->tail
              : !arena_ring_free(tracker->arena, i))
            return false;
    }
    return true;
}

bool idle_sleep(struct idle *idle, struct tracker *tracker, bool may)
{
    if (!may || idle->quiet < QUIET_LOOKS || !will_be_woken(tracker)) {
        idle->armed = false;
        return false;
    }
    if (!idle->armed || !all_quiet(tracker)) {
        arm(tracker);
        idle->armed = true;
        return false;
    }
    uint32_t seen = arena_lie_down(tracker->arena);
    bool quiet = all_quiet(tracker);
    arena_sleep(tracker->arena, seen, quiet ? SLEEP_NS : 0);
    return true;
}
