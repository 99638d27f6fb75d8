/* ledger.c - see ledger.h. */
#include "ledger.h"
#include "shortage.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

uint32_t ledger_add_site(struct ledger *ledger, uint32_t process, uint32_t thread, uint32_t node)
{
    uint32_t index = ++ledger->count;
    struct site *site = GROW_AT(&ledger->sites, struct site, index);
    const struct site_written *written = GROW_AT(&ledger->written, struct site_written, index);
    if (!site || !written) {
        ledger->count--;
        return 0;
    }
    site->process = process;
    site->thread = thread;
    site->node = node;
    site->smallest = UINT64_MAX;
    site->peak_seen = ledger->peak;
    return index;
}

struct site_fate ledger_fate(const struct ledger *ledger, uint32_t index)
{
    bool there = (index + 1ull) * sizeof(struct site_fate) <= ledger->fates.room;
    return there ? ((const struct site_fate *)ledger->fates.memory)[index] : (struct site_fate){0};
}

void ledger_freed_elsewhere_late(struct ledger *ledger, uint32_t index)
{
    ledger_freed_elsewhere(ledger, index);
    ((struct site_written *)ledger->written.memory)[index].events =
        UINT64_MAX; /* nothing else may change any more */
}

void ledger_moved(struct ledger *ledger, uint32_t index, uint64_t old_bytes, uint64_t new_bytes,
                  uint64_t live)
{
    struct site_fate *fate = GROW_AT(&ledger->fates, struct site_fate, index);
    struct peak_copy *inside = &ledger->inside, now = {index, old_bytes, new_bytes, live + old_bytes, 0};
    if (!fate || index == 0)
        return;
    fate->moves++;
    fate->moved_bytes += old_bytes < new_bytes ? old_bytes : new_bytes;
    if (now.height > inside->height) {
        now.next_height = inside->site == index ? inside->next_height : inside->height;
        *inside = now;
    } else if (inside->site != index && now.height > inside->next_height) {
        inside->next_height = now.height;
    }
}

void ledger_copied(struct ledger *ledger, const struct peak_copy *copy)
{
    ledger->counted = *copy;
    ledger->counted_peak = ledger->peak;
}

bool ledger_copy_at_peak(const struct ledger *ledger)
{
    return ledger->counted.site && ledger->counted_peak == ledger->peak && !ledger->at_peak;
}

void ledger_not_freed_elsewhere(struct ledger *ledger, uint32_t index)
{
    struct site_fate *fate = GROW_AT(&ledger->fates, struct site_fate, index);
    if (fate && fate->freed_elsewhere)
        fate->freed_elsewhere--;
}

static size_t histogram_size(unsigned classes)
{
    return sizeof(struct histogram) + classes * sizeof(uint64_t);
}

/* Extends the histogram to this class; NULL = out of memory. */
static struct histogram *span(struct histogram *old, uint8_t number)
{
    uint8_t from = old && old->from < number ? old->from : number;
    uint8_t last =
        old && old->from + old->classes - 1 > number ? (uint8_t)(old->from + old->classes - 1) : number;
    struct histogram *wider = SHORTAGE_UNLESS(calloc(1, histogram_size(last - from + 1u)));
    if (!wider)
        return NULL;
    assert(from <= number && number <= last && last < CLASSES);
    wider->from = from;
    wider->classes = (uint8_t)(last - from + 1);
    if (old)
        memcpy(wider->count + (old->from - from), old->count, old->classes * sizeof old->count[0]);
    free(old);
    return wider;
}

__attribute__((noinline)) void ledger_count_other(struct histogram **others, uint8_t number, int64_t by)
{
    struct histogram *h = *others;
    if (!h || (uint8_t)(number - h->from) >= h->classes) {
        h = span(*others, number);
        if (!h)
            return;
        *others = h;
    }
    h->count[number - h->from] += (uint64_t)by;
}

__attribute__((noinline)) void site_new_size(struct site *site, uint64_t size, uint64_t weight)
{
    uint8_t number = ledger_class(size);
    if (site->allocations == 0)
        site->size_class = number;
    site->smallest = size < site->smallest ? size : site->smallest;
    site->largest = size > site->largest ? size : site->largest;
    if (site->sizes || number != site->size_class)
        ledger_count(&site->sizes, number, weight);
}

struct histogram *ledger_copy_histogram(const struct histogram *others)
{
    struct histogram *copy = others ? SHORTAGE_UNLESS(malloc(histogram_size(others->classes))) : NULL;
    if (copy)
        memcpy(copy, others, histogram_size(others->classes));
    return copy;
}

/* ---- runs of events ---------------------------------------------------------------------------- */

/* Notes the heap's maximum if it is now: `bytes` more than when it was last brought up to date. */
static bool heap_rose(struct heap *heap, int64_t bytes, uint64_t blocks)
{
    uint64_t now = heap->bytes + (uint64_t)bytes;
    if (now <= heap->since_mark_bytes)
        return false;
    heap->since_mark_bytes = now;
    heap->since_mark_blocks = heap->blocks + blocks;
    if (now <= heap->peak_bytes)
        return false;
    heap->peak_bytes = heap->since_mark_bytes;
    heap->peak_blocks = heap->since_mark_blocks;
    return true;
}

static void note_maximum(struct ledger *ledger)
{
    int64_t bytes = ledger_live(ledger);
    uint64_t blocks = ledger->flow.allocations - ledger->flow.frees;
    heap_rose(ledger->flow.heap, bytes, blocks);
    if (heap_rose(&ledger->heap, bytes, blocks)) {
        ledger->at_peak = true;
        ledger->peak_ns = ledger->now_ns;
    }
}

static void set_room(struct ledger *ledger)
{
    const struct heap *heap = ledger->flow.heap, *all = &ledger->heap;
    int64_t room = (int64_t)(heap->since_mark_bytes - heap->bytes),
            of_all = (int64_t)(all->since_mark_bytes - all->bytes);
    ledger->flow.room = room < of_all ? room : of_all;
}

__attribute__((noinline)) void ledger_note_maximum(struct ledger *ledger, uint32_t site, uint64_t size)
{
    note_maximum(ledger);
    bool is_over = ledger->at_peak;
    ledger->peak += is_over;
    ledger->at_peak = false;
    set_room(ledger);
    if (is_over && site && ledger->peak_ends)
        ledger->peak_ends(ledger->peak_data, site, size);
}

void ledger_begin(struct ledger *ledger, struct heap *heap)
{
    ledger->flow = (struct flow){.heap = heap};
    set_room(ledger);
    if (ledger->at_peak)
        ledger->flow.room = -1;
}

/* For asserts: true if one heap can be a part of the other. */
static __attribute__((unused)) bool is_part(const struct heap *part, const struct heap *all)
{
    return part->bytes <= all->bytes && part->blocks <= all->blocks;
}

void ledger_settle(struct ledger *ledger)
{
    const struct flow *flow = &ledger->flow;
    struct heap *heaps[] = {flow->heap, &ledger->heap};
    note_maximum(ledger);
    for (int i = 0; i < 2; i++) {
        heaps[i]->bytes += (uint64_t)ledger_live(ledger);
        heaps[i]->blocks += flow->allocations - flow->frees;
        assert(heaps[i]->bytes <= heaps[i]->since_mark_bytes &&
               heaps[i]->since_mark_bytes <= heaps[i]->peak_bytes);
    }
    assert(is_part(flow->heap, &ledger->heap));
    ledger_begin(ledger, flow->heap);
}

/* The highest that a site was without a block that has lived since before; it was `highest` with it. */
static uint64_t highest_without(uint64_t highest, uint64_t before, uint64_t size)
{
    uint64_t without = highest - size;
    return highest <= before || without < before ? before : without;
}

static void site_unalloc(struct site *site, const struct ledger_before *before, uint64_t size,
                         uint64_t weight)
{
    assert(site->allocations > site->frees && site->bytes - site->freed_bytes >= size * weight);
    if (site->sizes)
        ledger_count_other(&site->sizes, ledger_class(size), -(int64_t)weight);
    if (site->allocations == before->allocations + weight) {
        site->smallest = before->smallest;
        site->largest = before->largest;
    }
    site->highest_bytes = highest_without(site->highest_bytes, before->highest_bytes, size * weight);
    site->allocations -= weight;
    site->bytes -= size * weight;
    site->taken_back++;
}

void ledger_take_back(struct ledger *ledger, const struct ledger_before *before, uint32_t to, uint64_t size,
                      uint64_t weight)
{
    struct site *from = ledger_site(ledger, before->site), *into = ledger_site(ledger, to);
    if (from == into)
        return;
    ledger_fold(ledger, from);
    ledger_fold(ledger, into);
    site_unalloc(from, before, size, weight);
    site_alloc(into, size, weight);
    if (before->peak != ledger->peak) { /* a peak came after it, so that the block is part of the latest */
        from->peak_allocations -= weight;
        from->peak_bytes -= size * weight;
        into->peak_allocations += weight;
        into->peak_bytes += size * weight;
    }
}

void ledger_unfree(struct ledger *ledger, uint32_t index, uint64_t size, uint32_t ticks, uint64_t weight)
{
    struct site *site = ledger_site(ledger, index);
    if (size == 0)
        ledger_shrinks(ledger);
    ledger_fold(ledger, site);
    uint8_t number = ledger_class(ticks);
    if (number != site->lifetime_class)
        ledger_count_other(&site->lifetimes, number, -(int64_t)weight);
    site->frees -= weight;
    site->freed_bytes -= size * weight;
    site_rose(site); /* other threads may have made blocks there meanwhile */
    ledger->flow.frees -= weight;
    ledger->flow.freed_bytes -= size * weight;
}

void ledger_unfree_part(struct ledger *ledger, uint32_t index, uint64_t size)
{
    struct site *site = ledger_site(ledger, index);
    ledger_fold(ledger, site);
    site->freed_bytes -= size;
    site_rose(site);
    ledger->flow.freed_bytes -= size;
}

uint32_t ledger_process_ended(struct ledger *ledger, const struct heap *heap)
{
    if (heap->blocks) {
        ledger->peak += ledger->at_peak;
        ledger->at_peak = false;
    }
    assert(is_part(heap, &ledger->heap) && ledger->flow.allocations == 0 && ledger->flow.frees == 0);
    ledger->heap.bytes -= heap->bytes;
    ledger->heap.blocks -= heap->blocks;
    return ledger->peak;
}

void ledger_at_peak(const struct ledger *ledger, const struct site *site, uint32_t last_peak,
                    uint64_t *allocations, uint64_t *bytes)
{
    *allocations = *bytes = 0;
    if (last_peak != LEDGER_LIVES && (ledger->at_peak || ledger->peak > last_peak))
        return; /* the highest heap came after the process */
    /* Not touched since the latest finished peak, or the peak is now. */
    if (ledger->at_peak || site->peak_seen != ledger->peak) {
        *allocations = site->allocations - site->frees;
        *bytes = site->bytes - site->freed_bytes;
    } else {
        *allocations = site->peak_allocations;
        *bytes = site->peak_bytes;
    }
}

void ledger_histogram(const struct histogram *others, uint8_t first, uint64_t total, uint64_t counts[CLASSES])
{
    memset(counts, 0, CLASSES * sizeof counts[0]);
    uint64_t rest = total;
    assert(!others || others->from + others->classes <= CLASSES);
    for (unsigned i = 0; others && i < others->classes; i++) {
        counts[others->from + i] = others->count[i];
        rest -= others->count[i];
    }
    counts[first] += rest;
}
