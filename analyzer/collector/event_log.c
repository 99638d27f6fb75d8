/* event_log.c - see event_log.h. */
#include "event_log.h"

#include <string.h>

#define UNSETTLED_MOST 1024u /* so far back the type of an object may still be unknown */

static void add(struct tracker *tracker, const struct tracked_process *process, uint32_t tid,
                uint64_t address, uint64_t size, uint32_t node, bool is_free)
{
    struct logged_event *event = GROW_AT(&tracker->events, struct logged_event, tracker->event_count);
    if (!event)
        return;
    tracker->event_count++;
    *event = (struct logged_event){.t_ns = (uint64_t)tracker->tick * WIRE_TICK_NS,
                                   .address = address,
                                   .size = size,
                                   .process = process->index,
                                   .tid = tid,
                                   .node = node,
                                   .is_free = is_free};
}

void event_log_add(struct tracker *tracker, const struct tracked_ring *r, uint64_t address, uint64_t size,
                   uint32_t node, bool is_free)
{
    add(tracker, r->process, tracker_thread(tracker, r->thread)->tid, address, size, node, is_free);
}

void event_log_add_free(struct tracker *tracker, const struct tracked_process *process, uint32_t tid,
                        const struct block *block)
{
    if (tracker->log_events)
        add(tracker, process, tid, block->address, block->size,
            ledger_site(&tracker->ledger, block->site)->node, true);
}

void event_log_retype(struct tracker *tracker, const struct tracked_process *process, uint64_t address,
                      uint32_t node)
{
    struct logged_event *events = tracker->events.memory;
    for (uint64_t i = tracker->event_count; i-- > 0;) {
        if (events[i].address != address || events[i].process != process->index)
            continue;
        if (!events[i].is_free)
            events[i].node = node;
        return;
    }
}

/* True if the type of a block is not known for sure yet. */
static bool is_expected(const struct tracked_process *process, uint64_t address)
{
    bool expected = process->expected.address == address;
    for (unsigned i = 0; process->further && !expected && i < WIRE_GILS - 1; i++)
        expected = process->further[i].address == address;
    return expected;
}

uint64_t event_log_settled(const struct tracker *tracker)
{
    const struct logged_event *events = tracker->events.memory;
    uint64_t settled = tracker->event_count;
    uint64_t least = settled > UNSETTLED_MOST ? settled - UNSETTLED_MOST : 0;
    for (uint64_t i = settled; i-- > least;) {
        if (!events[i].is_free && is_expected(tracker_process(tracker, events[i].process), events[i].address))
            settled = i;
    }
    return settled;
}

void event_log_forget(struct tracker *tracker, uint64_t count)
{
    struct logged_event *events = tracker->events.memory;
    tracker->event_count -= count;
    memmove(events, events + count, tracker->event_count * sizeof *events);
}
