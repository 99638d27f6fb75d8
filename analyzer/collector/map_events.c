/* map_events.c - see map_events.h. */
#include "map_events.h"
#include "event_sites.h"
#include "shortage.h"

#include <assert.h>
#include <stdlib.h>

static uint32_t age_of(const struct tracker *tracker, const struct map_origin *origin)
{
    return tracker->tick > origin->born ? tracker->tick - origin->born : 0;
}

/* Enclose changes in the ledger of mappings, a run of events each; there are few. */
static void begin(struct tracker *tracker, struct tracked_process *process)
{
    tracker->mapped.now_ns = tracker->ledger.now_ns;
    ledger_begin(&tracker->mapped, &process->mapped);
}

static void end(struct tracker *tracker)
{
    ledger_settle(&tracker->mapped);
}

static struct map_range *ranges_of(struct map_removed *removed)
{
    return removed->more ? removed->more : &removed->one;
}

static void forget_removed(struct map_removed *removed)
{
    struct map_range *ranges = ranges_of(removed);
    for (uint32_t i = 0; i < removed->count; i++) {
        ranges[i].origin->removed--;
        map_origin_release(ranges[i].origin);
    }
    removed->count = 0;
}

static bool make_room(struct map_removed *removed)
{
    if (removed->count < (removed->more ? removed->room : 1))
        return true;
    uint32_t room = removed->more ? 2 * removed->room : 16;
    struct map_range *more = SHORTAGE_UNLESS(realloc(removed->more, room * sizeof *more));
    if (!more)
        return false;
    if (!removed->more)
        more[0] = removed->one;
    removed->more = more;
    removed->room = room;
    return true;
}

static void keep(struct map_removed *removed, const struct map_range *range)
{
    if (!make_room(removed))
        return;
    ranges_of(removed)[removed->count++] = *range;
    range->origin->removed++;
}

/* Removes what is mapped there. removed: keeps it, in case it comes back; NULL = it cannot. */
static void cut(struct tracker *tracker, struct tracked_process *process, uint64_t from, uint64_t to,
                struct map_removed *removed)
{
    struct map_range range;
    while (map_ranges_cut(&process->maps, from, to, &range)) {
        struct map_origin *origin = range.origin;
        uint64_t bytes = range.end - range.start;
        if (origin->site && origin->pieces == 0)
            ledger_free(&tracker->mapped, origin->site, bytes, age_of(tracker, origin), 1);
        else if (origin->site)
            ledger_free_part(&tracker->mapped, origin->site, bytes);
        if (removed)
            keep(removed, &range);
        map_origin_release(origin);
        from = range.end;
    }
}

/* True if the range is possible: nothing that a process says is trusted. */
static bool is_range(uint64_t address, uint64_t length)
{
    return length > 0 && length <= WIRE_ADDRESS_MASK && address + length <= WIRE_ADDRESS_MASK;
}

void map_event_map(struct tracker *tracker, struct tracked_ring *r, uint64_t address, uint64_t length,
                   uint32_t node, uint32_t flags)
{
    struct tracked_process *process = r->process;
    forget_removed(&r->unmapped);
    if (!is_range(address, length)) {
        arena_damage(process->slot);
        return;
    }
    begin(tracker, process);
    cut(tracker, process, address, address + length, NULL);
    struct map_origin *origin = SHORTAGE_UNLESS(calloc(1, sizeof *origin));
    if (origin) {
        *origin = (struct map_origin){.start = address,
                                      .end = address + length,
                                      .born = tracker->tick,
                                      .allocators = flags & WIRE_MAP_ALLOCATOR};
        const struct map_range range = {address, address + length, origin};
        origin->site = origin->allocators ? 0 : event_site_of_mapping(tracker, r, node);
        origin->owner = origin->site;
        if (!map_ranges_put(&process->maps, &range))
            map_origin_release(origin);
        else if (origin->site)
            ledger_alloc(&tracker->mapped, origin->site, length, 1);
    }
    end(tracker);
}

void map_event_unmap(struct tracker *tracker, struct tracked_ring *r, uint64_t address, uint64_t length)
{
    struct tracked_process *process = r->process;
    struct map_range range;
    uint64_t to = address + length;
    forget_removed(&r->unmapped);
    if (length == 0) {
        if (!map_ranges_next(&process->maps, address, &range) || range.start != address)
            return;
        to = range.origin->end;
    } else if (!is_range(address, length)) { /* the kernel refuses it, too */
        return;
    }
    begin(tracker, process);
    cut(tracker, process, address, to, &r->unmapped);
    end(tracker);
}

void map_event_unmap_fail(struct tracker *tracker, struct tracked_ring *r)
{
    struct tracked_process *process = r->process;
    const struct map_range *ranges = ranges_of(&r->unmapped);
    begin(tracker, process);
    for (uint32_t i = r->unmapped.count; i-- > 0;) {
        struct map_origin *origin = ranges[i].origin;
        bool ended = origin->pieces == 0;
        struct map_range there;
        uint64_t bytes = ranges[i].end - ranges[i].start;
        /* Another thread has mapped something there meanwhile: so it had been unmapped after all. */
        if ((map_ranges_next(&process->maps, ranges[i].start, &there) && there.start < ranges[i].end) ||
            !map_ranges_put(&process->maps, &ranges[i]))
            continue;
        if (origin->site && ended)
            ledger_unfree(&tracker->mapped, origin->site, bytes, age_of(tracker, origin), 1);
        else if (origin->site)
            ledger_unfree_part(&tracker->mapped, origin->site, bytes);
    }
    end(tracker);
    forget_removed(&r->unmapped);
}

void map_events_ring_gone(struct tracked_ring *r)
{
    forget_removed(&r->unmapped);
    free(r->unmapped.more);
    r->unmapped.more = NULL;
}

void map_events_process_gone(struct tracked_process *process)
{
    map_ranges_free(&process->maps);
}
