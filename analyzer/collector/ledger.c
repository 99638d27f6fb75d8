/* ledger.c - see ledger.h. */
#include "ledger.h"

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

static size_t histogram_size(unsigned classes)
{
    return sizeof(struct histogram) + classes * sizeof(uint64_t);
}

/* Makes the histogram span this class, too; NULL on lack of memory. */
static struct histogram *span(struct histogram *old, uint8_t number)
{
    uint8_t from = old && old->from < number ? old->from : number;
    uint8_t last =
        old && old->from + old->classes - 1 > number ? (uint8_t)(old->from + old->classes - 1) : number;
    struct histogram *wider = calloc(1, histogram_size(last - from + 1u));
    if (!wider)
        return NULL;
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

struct histogram *ledger_copy_histogram(const struct histogram *others)
{
    struct histogram *copy = others ? malloc(histogram_size(others->classes)) : NULL;
    if (copy)
        memcpy(copy, others, histogram_size(others->classes));
    return copy;
}

void ledger_unfree(struct ledger *ledger, struct heap *heap, uint32_t index, uint64_t size, uint32_t ticks)
{
    struct site *site = ledger_site(ledger, index);
    ledger_fold(ledger, site);
    uint8_t number = ledger_class(ticks);
    if (number != site->lifetime_class)
        ledger_count_other(&site->lifetimes, number, -1);
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
        ledger_shrinks(ledger);
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
    for (unsigned i = 0; others && i < others->classes; i++) {
        counts[others->from + i] = others->count[i];
        rest -= others->count[i];
    }
    counts[first] += rest;
}
