/* map_ranges.c - see map_ranges.h. */
#include "map_ranges.h"
#include "shortage.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define PAGE_RANGES 255

struct map_page {
    uint32_t count;
    struct map_range ranges[PAGE_RANGES];
};

static struct map_page **page_at(const struct map_ranges *ranges, uint32_t index)
{
    return (struct map_page **)ranges->pages.memory + index;
}

/* A position; page == page_count: behind all ranges. */
struct place {
    uint32_t page, at;
};

/* The position of the first range that ends behind the address. */
static struct place find(const struct map_ranges *ranges, uint64_t address)
{
    uint32_t low = 0, high = ranges->page_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct map_page *page = *page_at(ranges, middle);
        if (page->ranges[page->count - 1].end > address)
            high = middle;
        else
            low = middle + 1;
    }
    struct place place = {low, 0};
    if (low == ranges->page_count)
        return place;
    const struct map_page *page = *page_at(ranges, low);
    uint32_t last = page->count - 1;
    while (place.at < last) {
        uint32_t middle = place.at + (last - place.at) / 2;
        if (page->ranges[middle].end > address)
            last = middle;
        else
            place.at = middle + 1;
    }
    return place;
}

static struct map_range *range_at(const struct map_ranges *ranges, struct place place)
{
    return place.page < ranges->page_count ? &(*page_at(ranges, place.page))->ranges[place.at] : NULL;
}

bool map_ranges_next(const struct map_ranges *ranges, uint64_t from, struct map_range *range)
{
    const struct map_range *found = range_at(ranges, find(ranges, from));
    if (found)
        *range = *found;
    return found != NULL;
}

/* Inserts a new page at that index; NULL = out of memory. */
static struct map_page *add_page(struct map_ranges *ranges, uint32_t index)
{
    struct map_page *page = SHORTAGE_UNLESS(malloc(sizeof *page));
    struct map_page **at = GROW_AT(&ranges->pages, struct map_page *, ranges->page_count);
    if (!page || !at) {
        free(page);
        return NULL;
    }
    at = page_at(ranges, index);
    memmove(at + 1, at, (ranges->page_count - index) * sizeof(struct map_page *));
    ranges->page_count++;
    page->count = 0;
    return *at = page;
}

/* Splits a full page in two. */
static bool split_page(struct map_ranges *ranges, uint32_t index)
{
    struct map_page *upper = add_page(ranges, index + 1);
    if (!upper)
        return false;
    struct map_page *lower = *page_at(ranges, index);
    upper->count = lower->count / 2;
    lower->count -= upper->count;
    memcpy(upper->ranges, lower->ranges + lower->count, upper->count * sizeof upper->ranges[0]);
    return true;
}

static bool insert(struct map_ranges *ranges, const struct map_range *range)
{
    if (ranges->count >= MAP_RANGES_MOST) {
        atomic_fetch_add(&shortage_count, 1);
        return false;
    }
    struct place place = find(ranges, range->start);
    if (place.page == ranges->page_count && place.page > 0) /* behind the last range */
        place = (struct place){place.page - 1, (*page_at(ranges, place.page - 1))->count};
    if (ranges->page_count == 0 && !add_page(ranges, 0))
        return false;
    if ((*page_at(ranges, place.page))->count == PAGE_RANGES) {
        if (!split_page(ranges, place.page))
            return false;
        uint32_t lower = (*page_at(ranges, place.page))->count;
        if (place.at > lower)
            place = (struct place){place.page + 1, place.at - lower};
    }
    struct map_page *page = *page_at(ranges, place.page);
    assert(place.at == page->count || page->ranges[place.at].start >= range->end);
    memmove(page->ranges + place.at + 1, page->ranges + place.at,
            (page->count - place.at) * sizeof page->ranges[0]);
    page->ranges[place.at] = *range;
    page->count++;
    ranges->count++;
    return true;
}

bool map_ranges_put(struct map_ranges *ranges, const struct map_range *range)
{
    if (!insert(ranges, range))
        return false;
    range->origin->pieces++;
    return true;
}

static void take_out(struct map_ranges *ranges, struct place place)
{
    struct map_page *page = *page_at(ranges, place.page);
    page->count--;
    ranges->count--;
    memmove(page->ranges + place.at, page->ranges + place.at + 1,
            (page->count - place.at) * sizeof page->ranges[0]);
    if (page->count > 0)
        return;
    free(page);
    ranges->page_count--;
    struct map_page **at = page_at(ranges, place.page);
    memmove(at, at + 1, (ranges->page_count - place.page) * sizeof(struct map_page *));
}

bool map_ranges_cut(struct map_ranges *ranges, uint64_t from, uint64_t to, struct map_range *removed)
{
    struct place place = find(ranges, from);
    struct map_range *range = range_at(ranges, place);
    if (!range || range->start >= to)
        return false;
    const struct map_range whole = *range;
    struct map_range behind = {to, whole.end, whole.origin};
    *removed = (struct map_range){whole.start > from ? whole.start : from, whole.end < to ? whole.end : to,
                                  whole.origin};
    if (whole.start < from) {
        range->end = from;
        whole.origin->pieces++;
        if (whole.end > to)
            map_ranges_put(ranges, &behind);
    } else if (whole.end > to) {
        range->start = to;
        whole.origin->pieces++;
    } else {
        take_out(ranges, place);
    }
    whole.origin->pieces--;
    return true;
}

void map_ranges_inherit(struct map_ranges *ranges, const struct map_ranges *other)
{
    if (other->count > MAP_RANGES_INHERITED_MOST)
        return;
    for (uint32_t i = 0; i < other->page_count; i++) {
        const struct map_page *page = *page_at(other, i);
        for (uint32_t j = 0; j < page->count; j++) {
            struct map_origin *origin = SHORTAGE_UNLESS(malloc(sizeof *origin));
            if (!origin)
                return;
            struct map_range range = page->ranges[j];
            *origin = *range.origin;
            origin->site = origin->pieces = origin->removed = 0;
            range.origin = origin;
            if (!map_ranges_put(ranges, &range))
                map_origin_release(origin);
        }
    }
}

void map_origin_release(struct map_origin *origin)
{
    if (origin->pieces == 0 && origin->removed == 0)
        free(origin);
}

void map_ranges_free(struct map_ranges *ranges)
{
    for (uint32_t i = 0; i < ranges->page_count; i++) {
        struct map_page *page = *page_at(ranges, i);
        for (uint32_t j = 0; j < page->count; j++) {
            page->ranges[j].origin->pieces--;
            map_origin_release(page->ranges[j].origin);
        }
        free(page);
    }
    grow_free(&ranges->pages);
    ranges->page_count = ranges->count = 0;
}
