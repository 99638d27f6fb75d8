/* event_sites.c - see event_sites.h. */
#include "event_sites.h"

/* True if the stack exists (a stack is written before the first event that refers to it), or if there is
 * none. */
static bool node_is_there(const struct tracked_process *process, uint32_t node)
{
    if (node == WIRE_NODE_ROOT || arena_node(process->slot, node))
        return true;
    arena_damage(process->slot);
    return false;
}

__attribute__((noinline)) uint32_t event_site_of_thread(struct tracker *tracker, uint32_t thread,
                                                        uint32_t node)
{
    struct number_entry *entry = number_map_find(&tracker->site_of_thread, (thread + 1ull) << 32 | node);
    if (!entry)
        return 0;
    if (entry->number == 0) {
        const struct tracked_thread *t = tracker_thread(tracker, thread);
        if (!node_is_there(tracker_process(tracker, t->process), node))
            node = WIRE_NODE_ROOT;
        entry->number = ledger_add_site(&tracker->ledger, t->process, t->id, node);
    }
    return entry->number;
}

__attribute__((noinline)) uint32_t event_site_of_new(struct tracker *tracker, const struct tracked_ring *r,
                                                     uint32_t node)
{
    if (!node_is_there(r->process, node))
        node = WIRE_NODE_ROOT;
    uint32_t *place = GROW_AT(&r->process->site_of_node, uint32_t, node);
    if (place && !*place)
        *place = ledger_add_site(&tracker->ledger, r->process->index, 0, node);
    return place ? *place : 0;
}

uint32_t event_site_of_mapping(struct tracker *tracker, const struct tracked_ring *r, uint32_t node)
{
    struct number_entry *entry =
        number_map_find(&tracker->site_of_mapping, (r->process->index + 1ull) << 32 | node);
    if (!entry)
        return 0;
    if (entry->number == 0) {
        if (!node_is_there(r->process, node))
            node = WIRE_NODE_ROOT;
        entry->number = ledger_add_site(&tracker->mapped, r->process->index, 0, node);
    }
    return entry->number;
}
