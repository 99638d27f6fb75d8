/* drain.c - see drain.h.
 *
 * If a process has one ring, its events come in order. If it has more, every few events carry a time, and the rings
 * are merged by it; events later than the beginning of the sweep wait for the next sweep, as rings that were looked at
 * before may have got earlier ones since. Between two times, and for a thread that was stopped between taking the
 * time and publishing, the order across threads is not known: see pending_frees.h.
 */
#include "drain.h"
#include "event_log.h"
#include "event_sites.h"
#include "fast.h"
#include "fetch_ahead.h"
#include "map_events.h"
#include "pending_frees.h"
#include "processor.h"
#include "rings.h"
#include "sampling_rule.h"
#include "shortage.h"
#include "spread.h"
#include "trim.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define LINE_WORDS 8   /* of a cache line */
#define GIVE_BACK 8192 /* words after which the program may reuse the space */

/* ---- single events ---------------------------------------------------------------------------- */

INLINE uint32_t age_of(const struct tracker *tracker, const struct block *block)
{
    return tracker->tick > block->born ? tracker->tick - block->born : 0;
}

static uint32_t node_of(const struct tracker *tracker, const struct block *block)
{
    return ledger_site(&tracker->ledger, block->site)->node;
}

/* How many blocks one stands for; careful: the run may be a sampled one. */
INLINE uint64_t weight_of(const struct tracker *tracker, uint64_t size, bool careful)
{
    return careful && UNLIKELY(tracker->sample) ? sampling_weight(size, tracker->sample) : 1;
}

/* Counts that a block is gone. */
INLINE void retire(struct tracker *tracker, const struct block *block, bool careful)
{
    uint64_t weight = weight_of(tracker, block->size, careful);
    ledger_free(&tracker->ledger, block->site, block->size, age_of(tracker, block), weight);
    if (careful && UNLIKELY(tracker->sample))
        spread_free(&tracker->ledger, block->site, block->size, weight);
}

static struct tracked_thread *counts(struct tracker *tracker, struct tracked_ring *r)
{
    return tracker_thread(tracker, r->thread);
}

/* From here on, what the ledger counts belongs to the ring's thread. */
INLINE void turn_begins(struct tracker *tracker, struct tracked_ring *r)
{
    tracker->turn = r;
    r->before_allocations = tracker->ledger.flow.allocations;
    r->before_bytes = tracker->ledger.flow.bytes;
    r->before_frees = tracker->ledger.flow.frees;
}

INLINE void turn_ends(struct tracker *tracker, struct tracked_ring *r)
{
    struct tracked_thread *thread = counts(tracker, r);
    thread->allocations += tracker->ledger.flow.allocations - r->before_allocations;
    thread->bytes += tracker->ledger.flow.bytes - r->before_bytes;
    thread->frees += tracker->ledger.flow.frees - r->before_frees;
}

/* Retires a block during the turn of a thread that did not free it. */
static void retire_for_another(struct tracker *tracker, struct tracked_ring *r, const struct block *block)
{
    r->last_made = 0; /* what it did last has nothing to do with it */
    retire(tracker, block, true);
    counts(tracker, r)->frees -= weight_of(tracker, block->size, true);
}

/* From here on, events need care (needs_care()). */
static struct pending_frees *out_of_order(struct tracked_ring *r, uint64_t address)
{
    r->end = 0;
    return pending_make(&r->process->pending, address);
}

/* An address was allocated that is still live: the free in between was not seen. With several rings it may
 * come later, so one free is owed. */
static __attribute__((noinline)) void put_out_of_order(struct tracker *tracker, struct tracked_ring *r,
                                                       const struct block *old, uint64_t address)
{
    retire_for_another(tracker, r, old);
    event_log_add_free(tracker, r->process, 0, old); /* tid 0: whose free it was shows when it comes */
    if (r->process->rings_seen > 1 && !tracker->sample) {
        struct pending_frees *pending = out_of_order(r, address);
        if (pending) {
            pending->owed++;
            pending->owed_site = old->site;
            pending->owed_by = old->by;
        }
    }
}

static __attribute__((noinline)) void free_early(struct tracker *tracker, struct tracked_ring *r,
                                                 struct pending_frees *pending, uint64_t address)
{
    struct block block;
    struct tracked_thread *by = tracker_thread(tracker, pending->thread);
    uint32_t pending_by = pending->by;
    assert(pending->waiting > 0);
    pending->waiting--;
    by->frees++;
    pending_settle(&r->process->pending, pending);
    if (blocks_take(&r->process->blocks, address, &block)) {
        retire_for_another(tracker, r, &block);
        if (pending_by != block.by)
            ledger_freed_elsewhere(&tracker->ledger, block.site);
        event_log_add_free(tracker, r->process, by->tid, &block);
    }
}

static __attribute__((noinline)) void free_unknown(struct tracker *tracker, struct tracked_ring *r,
                                                   uint64_t address)
{
    if (tracker->sample) /* it was not recorded; and all events are in order, as each has its time */
        return;
    struct pending_frees *pending = pending_find(r->process->pending, address);
    if (pending && pending->owed) {
        if (pending->owed == 1 && pending->owed_by != r->by) /* of several it is not known which one it was */
            ledger_freed_elsewhere_late(&tracker->ledger, pending->owed_site);
        pending->owed--;
        pending_settle(&r->process->pending, pending);
        counts(tracker, r)->frees++;
        return;
    }
    if (r->process->rings_seen <= 1) {
        r->process->foreign_frees++;
        inherited_freed(r->process, address);
        return;
    }
    pending = out_of_order(r, address);
    if (pending) {
        pending->waiting++;
        pending->sweep = tracker->sweep;
        pending->thread = r->thread;
        pending->by = r->by;
    }
}

INLINE void expect(const struct tracker *tracker, const struct tracked_ring *r, const struct block *block)
{
    struct expected_object *expected = r->expected;
    expected->address = block->address;
    expected->size = (uint32_t)block->size;
    expected->thread = r->thread;
    ledger_before_alloc(&tracker->ledger, block->site, &expected->before);
}

/* Blocks of glibc's that are mappings of their own begin there, behind their header; realloc moves their pages, and copies
 * nothing. */
#define MAPPED_AT 16
#define MAPPED_PAGE 4096

static bool is_mapped(uint64_t address, uint64_t size)
{
    return address % MAPPED_PAGE == MAPPED_AT && size >= MAPPED_PAGE;
}

/* The block that takes the place of r->moving, in a realloc, is known. live: bytes, with it. */
static void moved(struct tracker *tracker, struct tracked_ring *r, uint32_t site, uint64_t address,
                  uint64_t size, uint64_t live)
{
    const struct block *old = &r->moving;
    r->moved = false;
    if (old->address == address || (is_mapped(old->address, old->size) && is_mapped(address, size)))
        return;
    ledger_moved(&tracker->ledger, site, old->size, size, live);
}

static uint64_t live_now(const struct tracker *tracker)
{
    return tracker->ledger.heap.bytes + (uint64_t)ledger_live(&tracker->ledger);
}

/* A realloc has begun: mostly the new block is the ring's next event. Else it comes later, with care. */
static void moves(struct tracker *tracker, struct tracked_ring *r)
{
    uint64_t next = r->tail < r->end ? r->words[r->tail & DRAIN_MASK] : 0;
    if (wire_type(next) == WIRE_ALLOC || wire_type(next) == WIRE_OBJECT) {
        uint64_t second = r->words[(r->tail + 1) & DRAIN_MASK];
        uint32_t site = event_site(tracker, r, (uint32_t)(second >> 32), true), size = (uint32_t)second;
        moved(tracker, r, site, wire_address(next), size, live_now(tracker) + size);
    } else {
        r->moved = true;
        r->end = 0;
    }
}

static __attribute__((noinline)) void moved_at_last(struct tracker *tracker, struct tracked_ring *r,
                                                    uint32_t site, uint64_t address, uint64_t size)
{
    moved(tracker, r, site, address, size, live_now(tracker));
    r->end = 0; /* no more care is needed for that */
}

/* object: WIRE_OBJECT. */
INLINE void do_alloc(struct tracker *tracker, struct tracked_ring *r, uint64_t address, uint64_t size,
                     uint32_t node, bool careful, bool object)
{
    struct tracked_process *process = r->process;
    uint32_t site = event_site(tracker, r, node, careful);
    struct block block = {address, size, site, tracker->tick, r->by}, old;
    int found = blocks_put(&process->blocks, &block, &old);
    if (UNLIKELY(found > 0))
        put_out_of_order(tracker, r, &old, address);
    if (object)
        expect(tracker, r, &block);
    uint64_t weight = weight_of(tracker, size, careful);
    ledger_alloc(&tracker->ledger, site, size, weight);
    if (careful && UNLIKELY(tracker->sample)) {
        spread_alloc(&tracker->ledger, site, size, weight);
        tracker->taken++;
    }
    if (careful && tracker->log_events)
        event_log_add(tracker, r, address, size, node, false);
    struct pending_frees *pending = careful ? pending_find(process->pending, address) : NULL;
    if (pending && pending->waiting)
        free_early(tracker, r, pending, address);
    if (careful && UNLIKELY(r->moved))
        moved_at_last(tracker, r, site, address, size);
}

INLINE void do_free(struct tracker *tracker, struct tracked_ring *r, uint64_t address, bool careful)
{
    struct block block;
    struct pending_frees *pending = careful ? pending_find(r->process->pending, address) : NULL;
    if ((pending && pending->owed) || UNLIKELY(!blocks_take(&r->process->blocks, address, &block))) {
        free_unknown(tracker, r, address);
        return;
    }
    if (UNLIKELY(block.by != r->by) && !(careful && tracker->sample))
        ledger_freed_elsewhere(&tracker->ledger, block.site);
    if (r->last_made == address)
        ledger_site(&tracker->ledger, block.site)->temporary += weight_of(tracker, block.size, careful);
    retire(tracker, &block, careful);
    if (careful && tracker->log_events)
        event_log_add(tracker, r, address, block.size, node_of(tracker, &block), true);
}

/* An object was created in a live block again, without the allocator (a free list): counts as a free at
 * the old site and an allocation here. Blocks from before the trace, and those that no allocator returned,
 * are not known. */
INLINE void do_move(struct tracker *tracker, struct tracked_ring *r, uint64_t address, uint32_t node,
                    bool careful)
{
    if (careful && UNLIKELY(tracker->sample)) /* the library does not write any */
        return;
    uint32_t site = event_site(tracker, r, node, careful);
    struct block block = {address, 0, site, tracker->tick, r->by}, old;
    if (UNLIKELY(!blocks_move(&r->process->blocks, &block, &old)))
        return;
    ledger_move(&tracker->ledger, old.site, site, old.size, age_of(tracker, &old));
    if (careful && tracker->log_events) {
        event_log_add(tracker, r, address, old.size, node_of(tracker, &old), true);
        event_log_add(tracker, r, address, old.size, node, false);
    }
}

/* The type of the latest object is known, and is not the one that was expected. */
static void do_retype(struct tracker *tracker, const struct tracked_ring *r, uint64_t address, uint32_t node)
{
    struct tracked_process *process = r->process;
    struct expected_object expected = *r->expected;
    r->expected->address = 0;
    if (!address || expected.address != address)
        return;
    uint32_t site = tracker->by_thread ? event_site_of_thread(tracker, expected.thread, node)
                                       : event_site(tracker, r, node, false);
    const struct block block = {.address = address, .size = expected.size, .site = expected.before.site};
    if (!site || !blocks_resite(&process->blocks, &block, site)) /* it may be another block by now */
        return;
    uint64_t weight = weight_of(tracker, block.size, true);
    ledger_take_back(&tracker->ledger, &expected.before, site, block.size, weight);
    if (tracker->sample)
        spread_take_back(&tracker->ledger, block.site, site, expected.before.peak, block.size, weight);
    if (tracker->log_events)
        event_log_retype(tracker, process, address, node);
}

/* Without memory it counts as the main one: then some objects may keep the type that was expected. */
static void do_gil(struct tracked_ring *r, uint64_t number)
{
    struct tracked_process *process = r->process;
    if (number >= WIRE_GILS)
        arena_damage(process->slot);
    bool further = number > 0 && number < WIRE_GILS;
    if (further && !process->further)
        process->further = SHORTAGE_UNLESS(calloc(WIRE_GILS - 1, sizeof *process->further));
    r->expected = further && process->further ? &process->further[number - 1] : &process->expected;
}

static __attribute__((noinline)) void do_realloc(struct tracker *tracker, struct tracked_ring *r,
                                                 enum wire_event type, uint64_t address)
{
    struct tracked_process *process = r->process;
    struct block block;
    r->moved = false;
    if (type == WIRE_REALLOC_BEGIN) {
        r->moving.address = 0;
        struct pending_frees *pending = pending_find(process->pending, address);
        if ((pending && pending->owed) || !blocks_take(&process->blocks, address, &block)) {
            free_unknown(tracker, r, address);
            return;
        }
        retire(tracker, &block, true);
        if (block.by != r->by && !tracker->sample)
            ledger_freed_elsewhere(&tracker->ledger, block.site);
        r->moving = block;
        r->moving_age = age_of(tracker, &block);
        if (!tracker->sample) /* the new block may not be recorded */
            moves(tracker, r);
        if (tracker->log_events)
            event_log_add(tracker, r, address, block.size, node_of(tracker, &block), true);
    } else if (address && r->moving.address == address) {
        block = r->moving;
        uint64_t weight = weight_of(tracker, block.size, true);
        ledger_unfree(&tracker->ledger, block.site, block.size, r->moving_age, weight);
        if (tracker->sample)
            spread_unfree(&tracker->ledger, block.site, block.size, weight);
        else if (block.by != r->by)
            ledger_not_freed_elsewhere(&tracker->ledger, block.site);
        struct block old;
        blocks_put(&process->blocks, &block, &old);
        if (tracker->log_events) /* its free is logged already */
            event_log_add(tracker, r, address, block.size, node_of(tracker, &block), false);
    }
}

/* A mark reads all counts, so the turn has to be settled first. */
static void do_mark(struct tracker *tracker, struct tracked_ring *r, uint64_t mark)
{
    turn_ends(tracker, r);
    ledger_settle(&tracker->ledger);
    uint64_t t_ns = r->words[r->tail++ & DRAIN_MASK];
    if (t_ns == 0)
        t_ns = tracker_clock() - tracker->arena->started_ns;
    if (mark >> 32 == WIRE_MARK_FINALIZE)
        tracker_finalize(tracker, r->process, t_ns);
    else
        tracker_mark(tracker, r->process->index, (uint32_t)mark, t_ns);
    ledger_begin(&tracker->ledger, &r->process->heap);
    turn_begins(tracker, r);
}

static void do_map(struct tracker *tracker, struct tracked_ring *r, uint64_t address)
{
    uint64_t second = r->words[r->tail++ & DRAIN_MASK], length = r->words[r->tail++ & DRAIN_MASK];
    map_event_map(tracker, r, address, length, (uint32_t)(second >> 32), (uint32_t)second);
}

static __attribute__((noinline)) void do_rare(struct tracker *tracker, struct tracked_ring *r, uint64_t word)
{
    switch (wire_type(word)) {
    case WIRE_HUGE:
        r->huge = (uint32_t)word;
        r->end = 0;
        break;
    case WIRE_STAMP:
        r->stamp = word & ((1ull << WIRE_TYPE_SHIFT) - 1);
        if (UNLIKELY(r->stamp > tracker->limit)) /* otherwise its events would never be due */
            r->stamp = tracker->limit;
        r->end = 0;
        break;
    case WIRE_MARK:
        do_mark(tracker, r, wire_address(word));
        break;
    case WIRE_REALLOC_BEGIN:
    case WIRE_REALLOC_FAIL:
        r->last_made = 0;
        do_realloc(tracker, r, wire_type(word), wire_address(word));
        break;
    case WIRE_RETYPE:
        do_retype(tracker, r, wire_address(word), (uint32_t)(r->words[r->tail++ & DRAIN_MASK] >> 32));
        break;
    case WIRE_GIL:
        do_gil(r, wire_address(word));
        break;
    case WIRE_MAP:
        do_map(tracker, r, wire_address(word));
        break;
    case WIRE_UNMAP:
        map_event_unmap(tracker, r, wire_address(word), r->words[r->tail++ & DRAIN_MASK]);
        break;
    case WIRE_UNMAP_FAIL:
        map_event_unmap_fail(tracker, r);
        break;
    default:
        break;
    }
}

/* ---- runs of events ---------------------------------------------------------------------------- */

/* What was read leaves the caches: writing to it again is fast then. On an AMD EPYC the writing thread's time of the
 * benchmark `small` had two speeds, 0.72 and 1.42 s (plain: 0.35), the slower while the processors of the virtual machine
 * were far from each other; with this it takes 0.64 s at both times, and the collector no longer than before. */
static inline void evict(struct tracked_ring *r)
{
    uint64_t from = r->evicted > r->run_from ? r->evicted : r->run_from;
    if (UNLIKELY(r->tail - from > WIRE_RING_WORDS)) /* the ring is damaged */
        from = r->tail;
    for (from &= ~(uint64_t)(LINE_WORDS - 1); r->tail - from >= LINE_WORDS; from += LINE_WORDS)
        processor_evict_line(&r->words[from & DRAIN_MASK]);
    r->evicted = from;
}

static inline void give_back(struct tracker *tracker, struct tracked_ring *r)
{
    if (LIKELY(tracker->evicts))
        evict(r);
    arena_ring_consumed(r->ring, r->tail);
    arena_beat(tracker->arena);
}

/* True if an event may need more than its own words. */
INLINE bool needs_care(const struct tracker *tracker, const struct tracked_ring *r)
{
    return tracker->log_events || tracker->by_thread || tracker->sample || r->process->pending || r->huge ||
           r->moved;
}

/* Takes one event of one or two words, the first of which is before tail; times were handled already. An
 * allocation that is freed by the very next event (before head) is taken together with it: so the table of
 * blocks need not change. Returns where the next event begins. careful: needs_care(), or true. */
INLINE uint64_t take_event(struct tracker *tracker, struct tracked_ring *r, uint64_t word, uint64_t tail,
                           uint64_t head, bool careful)
{
    uint64_t address = wire_address(word);
    enum wire_event type = wire_type(word);
    if (type == WIRE_FREE) {
        do_free(tracker, r, address, careful);
        r->last_made = 0;
    } else if (LIKELY(type == WIRE_ALLOC) || type == WIRE_OBJECT) {
        uint64_t second = r->words[tail++ & DRAIN_MASK], size = (uint32_t)second;
        uint32_t node = (uint32_t)(second >> 32);
        if (!careful && tail < head &&
            r->words[tail & DRAIN_MASK] == ((uint64_t)WIRE_FREE << WIRE_TYPE_SHIFT | address)) {
            r->last_made = 0; /* before a peak may end by it */
            ledger_temporary(&tracker->ledger, event_site(tracker, r, node, false), size);
            return tail + 1;
        }
        if (careful) {
            size |= (uint64_t)r->huge << 32;
            r->huge = 0;
        }
        do_alloc(tracker, r, address, size, node, careful, type == WIRE_OBJECT);
        r->last_made = address;
    } else if (LIKELY(type == WIRE_MOVE)) {
        do_move(tracker, r, address, (uint32_t)(r->words[tail++ & DRAIN_MASK] >> 32), careful);
        r->last_made = address;
    } else {
        r->tail = tail;
        do_rare(tracker, r, word);
        tail = r->tail;
    }
    return tail;
}

/* Reads a single ring up to r->end; false if an event later than the limit came first. Stamps and other
 * rare events have no time of their own, and are never too late. If an event shows that care is needed, or
 * changes the time, it sets r->end to 0 to leave the loop. */
INLINE bool drain_until(struct tracker *tracker, struct tracked_ring *r, uint64_t limit, bool careful,
                        bool blocks, bool sites)
{
    uint64_t tail = r->tail;
    bool more = true;
    while (tail < r->end) {
        if (blocks || sites)
            fetch(tracker, r, tail, sites);
        uint64_t word = r->words[tail & DRAIN_MASK];
        if (UNLIKELY(wire_elapsed(word) != 0) && wire_type(word) != WIRE_STAMP) {
            more = r->stamp + wire_elapsed(word) <= limit;
            if (UNLIKELY(!more))
                break;
            r->stamp += wire_elapsed(word);
        }
        tail = take_event(tracker, r, word, tail + 1, r->head, careful);
    }
    r->tail = tail;
    return more;
}

/* Reads a single ring up to events later than the limit. */
static void drain_run(struct tracker *tracker, struct tracked_ring *r, uint64_t limit)
{
    bool more = true;
    turn_begins(tracker, r);
    while (more && r->stamp <= limit && r->tail < r->head) {
        r->end = r->head - r->tail < GIVE_BACK ? r->head : r->tail + GIVE_BACK;
        struct fetch ahead = fetch_what(tracker, r);
        if (needs_care(tracker, r))
            more = drain_until(tracker, r, limit, true, ahead.blocks, ahead.sites);
        else if (ahead.sites)
            more = drain_until(tracker, r, limit, false, true, true);
        else if (ahead.blocks)
            more = drain_until(tracker, r, limit, false, true, false);
        else
            more = drain_until(tracker, r, limit, false, false, false);
        give_back(tracker, r);
    }
    turn_ends(tracker, r);
}

/* Handles stamps and the like up to the next event with a time; false if there is none before the limit. */
static bool next_event(struct tracker *tracker, struct tracked_ring *r, uint64_t limit)
{
    while (r->tail < r->head) {
        uint64_t word = r->words[r->tail & DRAIN_MASK];
        enum wire_event type = wire_type(word);
        if (type == WIRE_STAMP || type == WIRE_HUGE) {
            do_rare(tracker, r, word);
        } else {
            r->next = r->stamp + wire_elapsed(word);
            return r->next <= limit;
        }
        r->tail++;
    }
    return false;
}

/* Moves the first ring to its place among the others, which are in order of time. */
static void sift(struct tracked_ring **rings, size_t count)
{
    struct tracked_ring *r = rings[0];
    size_t i = 1;
    for (; i < count && rings[i]->next < r->next; i++)
        rings[i - 1] = rings[i];
    rings[i - 1] = r;
}

/* Reads several rings in order of time. Changes the array. */
static void drain_merged(struct tracker *tracker, struct tracked_ring **rings, size_t count, uint64_t limit)
{
    size_t ready = 0;
    for (size_t i = 0; i < count; i++) {
        struct tracked_ring *r = rings[i];
        if (next_event(tracker, r, limit)) {
            size_t place = ready++;
            for (; place && rings[place - 1]->next > r->next; place--)
                rings[place] = rings[place - 1];
            rings[place] = r;
        } else {
            give_back(tracker, r);
        }
    }
    while (ready > 1) {
        struct tracked_ring *r = rings[0];
        uint64_t until = rings[1]->next, given = r->tail;
        bool more;
        struct fetch ahead = fetch_what(tracker, r);
        assert(r->next <= until && until <= limit && r->process == rings[1]->process);
        turn_begins(tracker, r);
        do {
            if (ahead.blocks || ahead.sites)
                fetch(tracker, r, r->tail, ahead.sites);
            r->stamp = r->next;
            r->tail = take_event(tracker, r, r->words[r->tail & DRAIN_MASK], r->tail + 1, 0, true);
            if (UNLIKELY(r->tail - given > GIVE_BACK)) {
                give_back(tracker, r);
                given = r->tail;
            }
            more = next_event(tracker, r, limit);
        } while (more && r->next <= until);
        turn_ends(tracker, r);
        give_back(tracker, r);
        if (more) {
            sift(rings, ready);
        } else {
            ready--;
            memmove(rings, rings + 1, ready * sizeof *rings);
        }
    }
    if (ready)
        drain_run(tracker, rings[0], limit);
}

void drain_process(struct tracker *tracker, struct tracked_process *process, uint64_t limit)
{
    struct tracked_ring **rings = process->active.memory;
    size_t count = process->active_count;
    process->active_count = 0;
    if (count == 0)
        return;
    tracker->samples.stirred = true;
    blocks_age(&process->blocks, tracker->tick);
    ledger_begin(&tracker->ledger, &process->heap);
    if (count == 1)
        drain_run(tracker, rings[0], limit);
    else
        drain_merged(tracker, rings, count, limit);
    ledger_settle(&tracker->ledger);
}
