/* test_map_ranges.c - mappings that programs make, remove and replace, against an oracle that paints each
 * page. */
#define _GNU_SOURCE
#include "map_events.h"
#include "random_numbers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PAGE 4096ull
#define PAGES 4000 /* of the address space of each process */
#define BASE (0x7000ull << 32)
#define PROCESSES 2 /* each with one ring */
#define EVENTS 20000

/* What a process has mapped: the number of the call that mapped each page; 0 = none, odd numbers are the
 * allocator's. */
struct painted {
    uint32_t page[PAGES], before[PAGES]; /* now, and before the last call that unmaps */
    uint32_t calls;
    uint64_t counted, bytes; /* calls that are not the allocator's, and the bytes they mapped */
};

struct world {
    struct tracker tracker;
    struct arena_slot slot;
    struct tracked_process process[PROCESSES];
    struct tracked_ring ring[PROCESSES];
    struct painted painted[PROCESSES];
    uint64_t highest; /* of both processes together */
};

static bool is_counted(uint32_t call)
{
    return call && call % 2 == 0;
}

static uint64_t live_pages(const struct painted *painted)
{
    uint64_t pages = 0;
    for (int i = 0; i < PAGES; i++)
        pages += is_counted(painted->page[i]);
    return pages;
}

/* Number of calls that still have mapped pages. */
static uint64_t live_calls(const struct painted *painted)
{
    char *seen = calloc(painted->calls + 2, 1);
    uint64_t calls = 0;
    for (int i = 0; i < PAGES; i++) {
        uint32_t call = painted->page[i];
        calls += is_counted(call) && !seen[call];
        seen[call] = 1;
    }
    free(seen);
    return calls;
}

/* The ranges must be the painted pages, in order. */
static void compare_ranges(const struct world *world, int p)
{
    const struct painted *painted = &world->painted[p];
    struct map_range range = {0};
    uint32_t painted_now[PAGES] = {0}, count = 0;
    uint64_t from = 0;
    while (map_ranges_next(&world->process[p].maps, from, &range)) {
        assert_true(range.start >= from && range.end > range.start && range.origin->pieces > 0);
        assert_true(range.start >= range.origin->start && range.end <= range.origin->end);
        for (uint64_t page = (range.start - BASE) / PAGE; page < (range.end - BASE) / PAGE; page++)
            painted_now[page] = painted->page[page];
        for (uint64_t page = (range.start - BASE) / PAGE; page < (range.end - BASE) / PAGE; page++)
            assert_true(painted->page[page] == painted->page[(range.start - BASE) / PAGE]);
        assert_int_equal(range.origin->allocators, painted->page[(range.start - BASE) / PAGE] % 2 == 1);
        from = range.end;
        count++;
    }
    assert_memory_equal(painted_now, painted->page, sizeof painted_now);
    assert_int_equal(count, world->process[p].maps.count);
}

/* The ledger's sums must be those of the painted pages. */
static void compare_counts(struct world *world)
{
    uint64_t all = 0;
    for (int p = 0; p < PROCESSES; p++) {
        const struct painted *painted = &world->painted[p];
        uint64_t live = live_pages(painted) * PAGE;
        all += live;
        assert_int_equal(world->process[p].mapped.bytes, live);
        assert_int_equal(world->process[p].mapped.blocks, live_calls(painted));
        if (!painted->counted)
            continue;
        const struct site *site = NULL;
        for (uint32_t i = 1; i <= world->tracker.mapped.count; i++)
            if (ledger_site(&world->tracker.mapped, i)->process == (uint32_t)p)
                site = ledger_site(&world->tracker.mapped, i);
        assert_non_null(site);
        assert_int_equal(site->allocations, painted->counted);
        assert_int_equal(site->bytes, painted->bytes);
        assert_int_equal(site->bytes - site->freed_bytes, live);
        assert_int_equal(site->allocations - site->frees, live_calls(painted));
    }
    world->highest = all > world->highest ? all : world->highest;
    assert_int_equal(world->tracker.mapped.heap.bytes, all);
    assert_int_equal(world->tracker.mapped.heap.peak_bytes, world->highest);
    assert_int_equal(world->tracker.ledger.count, 0); /* mappings are not counted in the heap's ledger */
}

static void paint(struct painted *painted, uint64_t from, uint64_t pages, uint32_t call)
{
    for (uint64_t i = from; i < from + pages; i++)
        painted->page[i] = call;
}

static void do_map(struct world *world, int p)
{
    struct painted *painted = &world->painted[p];
    uint64_t from = next_random() % PAGES, pages = 1 + next_random() % (next_random() % 8 ? 20 : 2000);
    bool allocators = next_random() % 5 == 0;
    if (from + pages > PAGES)
        pages = PAGES - from;
    uint32_t call = (painted->calls += 2) + allocators;
    map_event_map(&world->tracker, &world->ring[p], BASE + from * PAGE, pages * PAGE, 0,
                  allocators ? WIRE_MAP_ALLOCATOR : 0);
    paint(painted, from, pages, call);
    painted->calls += allocators;
    painted->calls += painted->calls % 2;
    painted->counted += !allocators;
    painted->bytes += allocators ? 0 : pages * PAGE;
    memcpy(painted->before, painted->page, sizeof painted->before);
}

static void do_unmap(struct world *world, int p)
{
    struct painted *painted = &world->painted[p];
    uint64_t from = next_random() % PAGES, pages = 1 + next_random() % (next_random() % 8 ? 30 : 1000);
    if (from + pages > PAGES)
        pages = PAGES - from;
    memcpy(painted->before, painted->page, sizeof painted->before);
    map_event_unmap(&world->tracker, &world->ring[p], BASE + from * PAGE, pages * PAGE);
    paint(painted, from, pages, 0);
    if (next_random() % 3 == 0) { /* the call has failed */
        map_event_unmap_fail(&world->tracker, &world->ring[p]);
        memcpy(painted->page, painted->before, sizeof painted->page);
    }
}

/* Like shmdt(): by the address alone. */
static void do_detach(struct world *world, int p)
{
    struct painted *painted = &world->painted[p];
    struct map_range range;
    uint64_t from = BASE + next_random() % PAGES * PAGE;
    if (!map_ranges_next(&world->process[p].maps, from, &range))
        return;
    uint32_t call = painted->page[(range.start - BASE) / PAGE];
    uint64_t first = (range.start - BASE) / PAGE, last = (range.origin->end - BASE) / PAGE;
    assert_true(call != 0);
    /* Other mappings in between are removed, too, as by an unmap with address and length. */
    map_event_unmap(&world->tracker, &world->ring[p], range.start, 0);
    paint(painted, first, last - first, 0);
}

static struct world *make_world(void)
{
    struct world *world = calloc(1, sizeof *world);
    for (int p = 0; p < PROCESSES; p++) {
        world->process[p].index = (uint32_t)p;
        world->process[p].slot = &world->slot;
        world->ring[p].process = &world->process[p];
    }
    return world;
}

static void end_world(struct world *world)
{
    for (int p = 0; p < PROCESSES; p++) {
        map_events_ring_gone(&world->ring[p]);
        map_events_process_gone(&world->process[p]);
        assert_int_equal(world->process[p].maps.count, 0);
    }
    for (uint32_t i = 1; i <= world->tracker.mapped.count; i++) {
        free(ledger_site(&world->tracker.mapped, i)->sizes);
        free(ledger_site(&world->tracker.mapped, i)->lifetimes);
    }
    free(world->tracker.site_of_mapping.entries);
    free(world);
}

static void test_painted(void **unused)
{
    struct world *world = make_world();
    (void)unused;
    for (int i = 0; i < EVENTS; i++) {
        int p = (int)(next_random() % PROCESSES);
        switch (next_random() % 8) {
        case 0:
        case 1:
        case 2:
            do_unmap(world, p);
            break;
        case 3:
            do_detach(world, p);
            break;
        default:
            do_map(world, p);
        }
        if (i % 16 == 0)
            compare_ranges(world, p);
        compare_counts(world);
    }
    end_world(world);
}

/* Thousands of mappings of one page, with every second one unmapped: pieces are in many arrays. */
static void test_many(void **unused)
{
    struct world *world = make_world();
    struct tracked_ring *r = &world->ring[0];
    struct map_range range;
    (void)unused;
    for (uint64_t i = 0; i < 100000; i++)
        map_event_map(&world->tracker, r, BASE + i * 7919 % 100000 * PAGE, PAGE, 0, 0);
    assert_int_equal(world->process[0].maps.count, 100000);
    for (uint64_t i = 0; i < 100000; i += 2)
        map_event_unmap(&world->tracker, r, BASE + i * PAGE, PAGE);
    assert_int_equal(world->process[0].maps.count, 50000);
    assert_int_equal(world->process[0].mapped.bytes, 50000 * PAGE);
    for (uint64_t i = 0; i < 100000; i += 2) {
        assert_true(map_ranges_next(&world->process[0].maps, BASE + i * PAGE, &range));
        assert_int_equal(range.start, BASE + (i + 1) * PAGE);
    }
    map_event_unmap(&world->tracker, r, BASE, 100000 * PAGE);
    assert_int_equal(world->process[0].maps.count, 0);
    assert_int_equal(world->process[0].mapped.bytes, 0);
    end_world(world);
}

/* A forked process inherits mappings with all their pieces, but they are not counted for it, not even when
 * they are removed. */
static void test_inherited(void **unused)
{
    struct world *world = make_world();
    struct tracked_ring *r = &world->ring[0];
    struct tracked_process *process = &world->process[0];
    struct map_ranges forked = {.count = 0}, own;
    struct map_range range, other;
    uint64_t from = BASE;
    (void)unused;
    for (uint64_t i = 0; i < 3000; i++)
        map_event_map(&world->tracker, r, BASE + i * 10 * PAGE, 8 * PAGE, 0, i % 7 ? 0 : WIRE_MAP_ALLOCATOR);
    map_event_unmap(&world->tracker, r, BASE + 15 * PAGE, PAGE); /* it has two pieces then */
    map_ranges_inherit(&forked, &process->maps);
    assert_int_equal(forked.count, 3001);
    for (uint32_t i = 0; i < 3001; i++) {
        assert_true(map_ranges_next(&process->maps, from, &range) && map_ranges_next(&forked, from, &other));
        assert_true(range.start == other.start && range.end == other.end);
        assert_true(range.origin != other.origin && range.origin->owner == other.origin->owner);
        assert_int_equal(other.origin->site, 0);
        from = range.end;
    }
    uint64_t counted = process->mapped.bytes;
    own = process->maps;
    process->maps = forked; /* as if the next event came from the forked process */
    map_event_unmap(&world->tracker, r, BASE, 1000 * PAGE);
    map_event_unmap_fail(&world->tracker, r);
    map_event_unmap(&world->tracker, r, BASE, 30000 * PAGE);
    assert_int_equal(process->maps.count, 0);
    assert_int_equal(process->mapped.bytes, counted);
    map_ranges_free(&process->maps);
    process->maps = own;
    end_world(world);
}

/* Impossible calls are ignored. */
static void test_impossible(void **unused)
{
    struct world *world = make_world();
    struct tracked_ring *r = &world->ring[0];
    (void)unused;
    map_event_map(&world->tracker, r, WIRE_ADDRESS_MASK, UINT64_MAX, 0, 0);
    map_event_map(&world->tracker, r, WIRE_ADDRESS_MASK, 2 * PAGE, 0, 0);
    map_event_map(&world->tracker, r, BASE, 0, 0, 0);
    map_event_unmap(&world->tracker, r, WIRE_ADDRESS_MASK, UINT64_MAX);
    map_event_unmap(&world->tracker, r, BASE, 0);
    map_event_unmap_fail(&world->tracker, r);
    assert_int_equal(world->process[0].maps.count, 0);
    assert_int_equal(world->process[0].mapped.bytes, 0);
    map_event_map(&world->tracker, r, BASE, PAGE, 0, 0);
    map_event_unmap(&world->tracker, r, BASE, PAGE);
    map_event_map(&world->tracker, r, BASE, PAGE, 0, 0);
    map_event_unmap_fail(&world->tracker, r); /* failure of a call that was not reported: nothing changes */
    assert_int_equal(world->process[0].mapped.bytes, PAGE);
    end_world(world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_painted),
        cmocka_unit_test(test_many),
        cmocka_unit_test(test_inherited),
        cmocka_unit_test(test_impossible),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
