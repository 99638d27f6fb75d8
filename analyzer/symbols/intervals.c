/* intervals.c - finds the best of many nested or overlapping address ranges at an address. */
#include "intervals.h"
#include "sorted.h"

#include <stdlib.h>
#include <string.h>

enum { FEW = 16 /* so few are sorted by insertion */ };

void intervals_free(struct intervals *set)
{
    free(set->all);
    free(set->segments);
    memset(set, 0, sizeof *set);
}

int intervals_add(struct intervals *set, struct interval range)
{
    if (range.low >= range.high)
        return 0;
    if (set->count == set->capacity) {
        size_t capacity = set->capacity ? set->capacity * 2 : 16;
        struct interval *all = realloc(set->all, capacity * sizeof *all);
        if (!all)
            return -1;
        set->all = all;
        set->capacity = capacity;
    }
    set->all[set->count++] = range;
    return 0;
}

int intervals_reserve(struct intervals *set, size_t count)
{
    if (count <= set->capacity)
        return 0;
    struct interval *all = realloc(set->all, count * sizeof *all);
    if (!all)
        return -1;
    set->all = all;
    set->capacity = count;
    return 0;
}

static void swap(struct interval *x, struct interval *y)
{
    struct interval kept = *x;
    *x = *y;
    *y = kept;
}

/* Moves the ranges without this bit of their lows before those with it; returns how many have it not. */
static size_t part(struct interval *all, size_t count, uint64_t bit)
{
    size_t from = 0, to = count;
    for (;;) {
        while (from < to && !(all[from].low & bit))
            from++;
        while (from < to && (all[to - 1].low & bit))
            to--;
        if (from == to)
            return from;
        swap(&all[from++], &all[--to]);
    }
}

/* Of ranges whose lows have equal bits above this one. It is as deep as there are bits, whatever a file holds. */
static void sort_by_bits(struct interval *all, size_t count, uint64_t bit)
{
    for (; bit && count > FEW; bit >>= 1) {
        size_t without = part(all, count, bit);
        sort_by_bits(all, without, bit >> 1);
        all += without;
        count -= without;
    }
    for (size_t i = 1; i < count && count <= FEW; i++)
        for (size_t at = i; at > 0 && all[at - 1].low > all[at].low; at--)
            swap(&all[at - 1], &all[at]);
}

void intervals_sort(struct interval *all, size_t count)
{
    int sorted = 1;
    uint64_t differ = 0;
    for (size_t i = 1; i < count; i++) {
        sorted &= all[i - 1].low <= all[i].low;
        differ |= all[i].low ^ all[0].low;
    }
    if (!sorted)
        sort_by_bits(all, count, UINT64_C(1) << (63 - __builtin_clzll(differ)));
}

static int is_better(const struct interval *x, const struct interval *y)
{
    if (x->rank != y->rank)
        return x->rank < y->rank;
    if (x->high - x->low != y->high - y->low)
        return x->high - x->low < y->high - y->low;
    return x->id > y->id;
}

/* A binary heap with the best range on top. */
static void heap_push(const struct interval **heap, size_t *count, const struct interval *range)
{
    size_t at = (*count)++;
    while (at > 0 && is_better(range, heap[(at - 1) / 2])) {
        heap[at] = heap[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    heap[at] = range;
}

static void heap_pop(const struct interval **heap, size_t *count)
{
    const struct interval *last = heap[--*count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= *count)
            break;
        if (child + 1 < *count && is_better(heap[child + 1], heap[child]))
            child++;
        if (!is_better(heap[child], last))
            break;
        heap[at] = heap[child];
        at = child;
    }
    heap[at] = last;
}

static void emit(struct intervals *set, uint64_t low, uint32_t id)
{
    size_t n = set->segment_count;
    if (n > 0 && set->segments[n - 1].low == low) /* drop an empty segment */
        n = --set->segment_count;
    if (n > 0 ? set->segments[n - 1].id == id : id == INTERVAL_NONE)
        return;
    set->segments[set->segment_count++] = (struct segment){low, id};
}

/* Visits the ends of all ranges from low to high, with the open ranges in a heap. A range that has ended
 * stays in the heap until it is on top. */
static void sweep(struct intervals *set, const struct interval **heap)
{
    size_t next = 0, open = 0;
    uint64_t at = 0;
    while (next < set->count || open > 0) {
        if (open == 0)
            at = set->all[next].low;
        while (next < set->count && set->all[next].low <= at)
            heap_push(heap, &open, &set->all[next++]);
        while (open > 0 && heap[0]->high <= at)
            heap_pop(heap, &open);
        emit(set, at, open > 0 ? heap[0]->id : INTERVAL_NONE);
        if (open == 0)
            continue;
        at = heap[0]->high;
        if (next < set->count && set->all[next].low < at)
            at = set->all[next].low;
    }
}

int intervals_finish(struct intervals *set)
{
    int result = 0;
    set->segment_count = 0;
    if (set->count > 0) {
        intervals_sort(set->all, set->count);
        const struct interval **heap = malloc(set->count * sizeof *heap);
        set->segments = malloc((2 * set->count + 1) * sizeof *set->segments);
        if (heap && set->segments)
            sweep(set, heap);
        else
            result = -1;
        free(heap);
        if (set->segment_count > 0) {
            struct segment *fit = realloc(set->segments, set->segment_count * sizeof *fit);
            if (fit)
                set->segments = fit;
        }
    }
    free(set->all);
    set->all = NULL;
    set->count = set->capacity = 0;
    return result;
}

uint32_t intervals_find(const struct intervals *set, uint64_t address)
{
    size_t count = SORTED_UP_TO(set->segments, set->segment_count, low, address);
    return count ? set->segments[count - 1].id : INTERVAL_NONE;
}
