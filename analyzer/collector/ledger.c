/* ledger.c - see ledger.h. */
#include "ledger.h"

#include <stdlib.h>
#include <string.h>

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

uint32_t ledger_add_site(struct ledger *ledger, uint32_t process, uint32_t node)
{
    uint32_t index = ++ledger->count;
    struct site *site = GROW_AT(&ledger->sites, struct site, index);
    if (!site) {
        ledger->count--;
        return 0;
    }
    site->process = process;
    site->node = node;
    site->smallest = UINT64_MAX;
    site->peak_seen = ledger->peak;
    return index;
}

static uint8_t class_of(uint64_t value)
{
    return value ? (uint8_t)(64 - __builtin_clzll(value)) : 0;
}

static __attribute__((noinline)) void count_other(struct histogram **others, uint8_t class, int64_t by)
{
    if (!*others)
        *others = calloc(1, sizeof **others);
    if (*others)
        (*others)->count[class] += (uint64_t)by;
}

/* Before a site changes: what it had at the latest peak that is over. */
static inline void fold(const struct ledger *ledger, struct site *site)
{
    if (UNLIKELY(site->peak_seen != ledger->peak)) {
        site->peak_seen = ledger->peak;
        site->peak_allocations = site->allocations - site->frees;
        site->peak_bytes = site->bytes - site->freed_bytes;
    }
}

static inline bool heap_grow(struct heap *heap, uint64_t size)
{
    heap->bytes += size;
    heap->blocks++;
    if (heap->bytes <= heap->peak_bytes)
        return false;
    heap->peak_bytes = heap->bytes;
    heap->peak_blocks = heap->blocks;
    return true;
}

static inline void run_shrinks(struct ledger *ledger)
{
    if (ledger->at_peak) {
        ledger->at_peak = false;
        ledger->peak++;
    }
}

void ledger_alloc(struct ledger *ledger, struct heap *heap, uint32_t index, uint64_t size)
{
    struct site *site = ledger_site(ledger, index);
    fold(ledger, site);
    uint8_t class = class_of(size);
    if (UNLIKELY(site->allocations == 0))
        site->size_class = class;
    else if (UNLIKELY(class != site->size_class))
        count_other(&site->sizes, class, 1);
    site->allocations++;
    site->bytes += size;
    if (UNLIKELY(size < site->smallest))
        site->smallest = size;
    if (UNLIKELY(size > site->largest))
        site->largest = size;
    uint64_t live = site->bytes - site->freed_bytes;
    if (live > site->highest_bytes)
        site->highest_bytes = live;
    heap_grow(heap, size);
    if (heap_grow(&ledger->heap, size)) {
        ledger->at_peak = true;
        ledger->peak_ns = ledger->now_ns;
    }
}

void ledger_free(struct ledger *ledger, struct heap *heap, uint32_t index, uint64_t size, uint32_t ticks)
{
    run_shrinks(ledger);
    struct site *site = ledger_site(ledger, index);
    fold(ledger, site);
    uint8_t class = class_of(ticks);
    if (UNLIKELY(site->frees == 0))
        site->lifetime_class = class;
    else if (UNLIKELY(class != site->lifetime_class))
        count_other(&site->lifetimes, class, 1);
    site->frees++;
    site->freed_bytes += size;
    heap->bytes -= size;
    heap->blocks--;
    ledger->heap.bytes -= size;
    ledger->heap.blocks--;
}

void ledger_unfree(struct ledger *ledger, struct heap *heap, uint32_t index, uint64_t size, uint32_t ticks)
{
    struct site *site = ledger_site(ledger, index);
    fold(ledger, site);
    uint8_t class = class_of(ticks);
    if (class != site->lifetime_class)
        count_other(&site->lifetimes, class, -1);
    site->frees--;
    site->freed_bytes -= size;
    heap->bytes += size;
    heap->blocks++;
    ledger->heap.bytes += size;
    ledger->heap.blocks++;
}

uint32_t ledger_process_ended(struct ledger *ledger, const struct heap *heap)
{
    if (heap->blocks)
        run_shrinks(ledger);
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
    for (unsigned i = 0; others && i < CLASSES; i++) {
        counts[i] = others->count[i];
        rest -= others->count[i];
    }
    counts[first] += rest;
}
