/* test_event_log.c - the log of events (LIBTRACE_EVENTS=1) when threads' events are drained in a different
 * order than they happened: a block must be freed exactly once in the log, after it was allocated. */
#include "event_log.h"
#include "sweep.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#define THREADS 2
#define NODES 3
#define BLOCK 0x7f0000001000ull
#define SIZE ((WIRE_FIRST_CHUNK + THREADS * WIRE_RING_CHUNKS + 1) * WIRE_CHUNK_SIZE)

static struct tracker tracker;
static struct arena view;
static struct wire_arena *arena;

static int start(void **state)
{
    (void)state;
    arena = mmap(NULL, SIZE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(arena != MAP_FAILED);
    arena_adopt(&view, arena, SIZE, -1);
    tracker = (struct tracker){.arena = &view, .log_events = true};
    arena->process[0].pid = getpid();
    arena->process[0].state = WIRE_PROCESS_LIVE;
    arena->process[0].node_segment[0] = (WIRE_FIRST_CHUNK + THREADS * WIRE_RING_CHUNKS) * WIRE_CHUNK_SIZE;
    for (uint32_t node = 1; node < NODES; node++)
        ((uint64_t *)((char *)arena + arena->process[0].node_segment[0]))[node - 1] = node;
    for (uint32_t t = 0; t < THREADS; t++) {
        arena->ring[t].buffer = (WIRE_FIRST_CHUNK + t * WIRE_RING_CHUNKS) * WIRE_CHUNK_SIZE;
        arena->ring[t].tid = 100 + t;
        arena->ring[t].state = WIRE_RING_BUSY;
    }
    arena->processes = 1;
    arena->rings = THREADS;
    tracker_look(&tracker);
    return 0;
}

static int end(void **state)
{
    (void)state;
    tracker_end(&tracker);
    for (uint32_t i = 0; i < tracker.process_count; i++) {
        struct tracked_process *process = tracker_process(&tracker, i);
        blocks_close(&process->blocks);
        grow_free(&process->site_of_node);
        grow_free(&process->active);
        free(process->further);
        free(process);
    }
    for (uint32_t i = 1; i <= tracker.ledger.count; i++) {
        free(ledger_site(&tracker.ledger, i)->sizes);
        free(ledger_site(&tracker.ledger, i)->lifetimes);
    }
    for (uint32_t i = 1; i <= tracker.mapped.count; i++) {
        free(ledger_site(&tracker.mapped, i)->sizes);
        free(ledger_site(&tracker.mapped, i)->lifetimes);
    }
    free(tracker.site_of_mapping.entries);
    grow_free(&tracker.mapped.sites);
    grow_free(&tracker.mapped.written);
    grow_free(&tracker.processes);
    grow_free(&tracker.threads);
    grow_free(&tracker.ledger.sites);
    grow_free(&tracker.ledger.written);
    grow_free(&tracker.events);
    return munmap(arena, SIZE);
}

static void word(unsigned thread, uint64_t value)
{
    struct wire_ring *ring = &arena->ring[thread];
    uint64_t *words = (uint64_t *)((char *)arena + ring->buffer), head = atomic_load(&ring->head);
    words[head % WIRE_RING_WORDS] = value;
    atomic_store(&ring->head, head + 1);
}

static void event(unsigned thread, uint64_t time, enum wire_event type, uint32_t node, uint32_t size)
{
    word(thread, (uint64_t)WIRE_STAMP << WIRE_TYPE_SHIFT | time);
    word(thread, (uint64_t)type << WIRE_TYPE_SHIFT | BLOCK);
    if (type == WIRE_ALLOC || type == WIRE_OBJECT || type == WIRE_RETYPE)
        word(thread, (uint64_t)node << 32 | size);
}

struct expected {
    bool is_free;
    uint32_t size, node, tid;
};

static void check_log(const struct expected *expected, size_t count)
{
    sweep_all(&tracker);
    const struct logged_event *log = tracker.events.memory;
    assert_int_equal(tracker.event_count, count);
    for (size_t i = 0; i < count; i++) {
        assert_int_equal(log[i].address, BLOCK);
        assert_int_equal(log[i].is_free, expected[i].is_free);
        assert_int_equal(log[i].size, expected[i].size);
        assert_int_equal(log[i].node, expected[i].node);
        assert_int_equal(log[i].tid, expected[i].tid);
    }
}
#define CHECK_LOG(...)                                             \
    do {                                                           \
        const struct expected expected[] = {__VA_ARGS__};          \
        check_log(expected, sizeof expected / sizeof expected[0]); \
    } while (0)

static void a_free_before_its_allocation(void **state)
{
    (void)state;
    event(0, 20, WIRE_ALLOC, 1, 24);
    event(1, 10, WIRE_FREE, 0, 0);
    CHECK_LOG({false, 24, 1, 100}, {true, 24, 1, 101});
    assert_int_equal(tracker.ledger.heap.blocks, 0);
}

/* When the free is read, the thread that allocated the block is not known yet; it is counted for that
 * thread all the same. */
static void a_free_after_the_next_allocation(void **state)
{
    (void)state;
    event(0, 10, WIRE_ALLOC, 1, 24);
    event(0, 20, WIRE_ALLOC, 2, 48);
    event(1, 30, WIRE_FREE, 0, 0);
    event(1, 40, WIRE_FREE, 0, 0);
    CHECK_LOG({false, 24, 1, 100}, {true, 24, 1, 0}, {false, 48, 2, 100}, {true, 48, 2, 101});
    assert_int_equal(tracker.ledger.heap.blocks, 0);
    assert_int_equal(tracker_thread(&tracker, 1)->frees, 2);
}

/* An object is logged with the type that is expected; which it has is known at the thread's next one. */
static void a_type_that_shows_late(void **state)
{
    (void)state;
    event(0, 10, WIRE_OBJECT, 1, 24);
    event(0, 20, WIRE_RETYPE, 2, 0);
    CHECK_LOG({false, 24, 2, 100});
    event(0, 30, WIRE_FREE, 0, 0);
    event(0, 40, WIRE_OBJECT, 1, 24);
    event(0, 50, WIRE_FREE, 0, 0);
    CHECK_LOG({false, 24, 2, 100}, {true, 24, 2, 100}, {false, 24, 1, 100}, {true, 24, 1, 100});
}

/* The same where another GIL than the main one guards the object: until then the event may not be written. */
static void a_type_of_another_gil(void **state)
{
    (void)state;
    word(0, (uint64_t)WIRE_GIL << WIRE_TYPE_SHIFT | (WIRE_GILS - 1));
    event(0, 10, WIRE_OBJECT, 1, 24);
    CHECK_LOG({false, 24, 1, 100});
    assert_int_equal(event_log_settled(&tracker), 0);
    event(0, 20, WIRE_RETYPE, 2, 0);
    CHECK_LOG({false, 24, 2, 100});
    assert_int_equal(event_log_settled(&tracker), 1);
}

/* A number that cannot be. */
static void a_gil_that_is_none(void **state)
{
    (void)state;
    word(0, (uint64_t)WIRE_GIL << WIRE_TYPE_SHIFT | WIRE_GILS);
    event(0, 10, WIRE_OBJECT, 1, 24);
    event(0, 20, WIRE_RETYPE, 2, 0);
    CHECK_LOG({false, 24, 2, 100});
    assert_true(tracker_damaged(tracker_process(&tracker, 0)));
}

static void a_realloc_that_fails(void **state)
{
    (void)state;
    event(0, 10, WIRE_ALLOC, 1, 24);
    event(0, 20, WIRE_REALLOC_BEGIN, 0, 0);
    event(0, 30, WIRE_REALLOC_FAIL, 0, 0);
    event(1, 40, WIRE_FREE, 0, 0);
    CHECK_LOG({false, 24, 1, 100}, {true, 24, 1, 100}, {false, 24, 1, 100}, {true, 24, 1, 101});
    assert_int_equal(tracker.ledger.heap.blocks, 0);
}

/* A thread that has ended is written once more when nothing of it can come any more, and then its place is another's. */
static void threads_that_have_ended(void **state)
{
    (void)state;
    size_t count;
    event(1, 10, WIRE_ALLOC, 1, 24);
    sweep_all(&tracker);
    struct tracked_thread *gone = tracker_thread(&tracker, 1);
    gone->ended = true;
    gone->sweep = tracker.sweep;
    free(tracker_take_threads(&tracker, &count));
    assert_int_equal(count, THREADS);
    assert_int_equal(tracker.free_thread, 0);
    for (int i = 0; i < 20; i++)
        sweep_all(&tracker);
    struct tracked_thread *taken = tracker_take_threads(&tracker, &count);
    assert_int_equal(count, THREADS);
    assert_int_equal(taken[1].allocations, 1);
    free(taken);
    assert_int_equal(tracker.free_thread, 2);
    free(tracker_take_threads(&tracker, &count));
    assert_int_equal(count, THREADS - 1);
}

/* With sites of their own they are referred to for good. */
static void threads_with_sites_stay(void **state)
{
    (void)state;
    size_t count;
    tracker.by_thread = true;
    tracker_thread(&tracker, 1)->ended = true;
    tracker.sweep = 100;
    for (int i = 0; i < 3; i++) {
        free(tracker_take_threads(&tracker, &count));
        assert_int_equal(count, THREADS);
    }
    assert_int_equal(tracker.free_thread, 0);
}

/* Marks that were written and seen are let go, and the others are where they are looked for. */
static void marks_that_are_done(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 2500; i++) {
        tracker_mark(&tracker, 0, i + 1, i + 1);
        tracker.marks_written = i < 2000 ? i : 2000;
        tracker_marks_done(&tracker, i);
    }
    assert_int_equal(tracker.mark_count, 2500);
    assert_int_equal(tracker.marks_dropped, 2000);
    for (uint32_t i = 2000; i < 2500; i++)
        assert_int_equal(tracker_mark_at(&tracker, i)->number, i + 1);
    grow_free(&tracker.marks);
    grow_free(&tracker.samples.moments);
    grow_free(&tracker.samples.rows);
    grow_free(&tracker.samples.sampled);
}

/* ---- what a program maps itself, which is not in the log ---------------------------------------------- */

static void map(uint64_t address, uint64_t length, uint32_t node, uint32_t flags)
{
    word(0, (uint64_t)WIRE_MAP << WIRE_TYPE_SHIFT | address);
    word(0, (uint64_t)node << 32 | flags);
    word(0, length);
}

static void unmap(uint64_t address, uint64_t length)
{
    word(0, (uint64_t)WIRE_UNMAP << WIRE_TYPE_SHIFT | address);
    word(0, length);
}

static void check_mapped(uint64_t bytes, uint64_t blocks)
{
    sweep_all(&tracker);
    assert_int_equal(tracker.mapped.heap.bytes, bytes);
    assert_int_equal(tracker.mapped.heap.blocks, blocks);
    assert_int_equal(tracker.event_count, 0);
    assert_int_equal(arena->ring[0].tail, arena->ring[0].head);
}

static void mappings(void **state)
{
    (void)state;
    const struct arena_slot *slot = tracker_process(&tracker, 0)->slot;
    uint64_t damages = arena_damages(slot);
    map(BLOCK, 0x4000, 2, 0);
    check_mapped(0x4000, 1);
    assert_int_equal(tracker.mapped.count, 1);
    assert_int_equal(ledger_site(&tracker.mapped, 1)->node, 2);
    map(BLOCK + 0x10000, 0x1000, 1, 0);
    map(BLOCK + 0x20000, 0x8000, 0, WIRE_MAP_ALLOCATOR); /* which has its blocks in it */
    check_mapped(0x5000, 2);
    assert_int_equal(ledger_site(&tracker.mapped, 2)->node, 1);
    unmap(BLOCK + 0x1000, 0x1000);
    check_mapped(0x4000, 2);
    word(0, (uint64_t)WIRE_UNMAP_FAIL << WIRE_TYPE_SHIFT);
    check_mapped(0x5000, 2);
    unmap(BLOCK, 0x1000);
    unmap(BLOCK + 0x10000, 0); /* all that begins there */
    check_mapped(0x3000, 1);
    map(BLOCK + 0x2000, 0x1000, 1, 0); /* in its place */
    check_mapped(0x3000, 2);
    unmap(BLOCK, 0x40000);
    check_mapped(0, 0);
    assert_int_equal(tracker.mapped.heap.peak_bytes, 0x5000);
    assert_int_equal(tracker.mapped.count, 2);
    assert_int_equal(arena_damages(slot), damages);
}

/* What is part of an event is none itself, whatever is in it; nor is what a thread has skipped. */
static void only_events_are_read(void **state)
{
    const uint64_t alloc = (uint64_t)WIRE_ALLOC << WIRE_TYPE_SHIFT | BLOCK;
    (void)state;
    unmap(BLOCK, alloc); /* which is no length */
    check_mapped(0, 0);
    for (unsigned i = 0; i < 20; i++)
        word(0, alloc);
    atomic_store(&arena->ring[0].begin, atomic_load(&arena->ring[0].head));
    event(0, 10, WIRE_ALLOC, 1, 24);
    CHECK_LOG({false, 24, 1, 100});
    event(1, 20, WIRE_FREE, 0, 0);
    CHECK_LOG({false, 24, 1, 100}, {true, 24, 1, 101});
}

#define STARTED(test) cmocka_unit_test_setup_teardown(test, start, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        STARTED(a_free_before_its_allocation), STARTED(a_free_after_the_next_allocation),
        STARTED(a_type_that_shows_late),       STARTED(a_realloc_that_fails),
        STARTED(a_type_of_another_gil),        STARTED(a_gil_that_is_none),
        STARTED(threads_that_have_ended),      STARTED(threads_with_sites_stay),
        STARTED(marks_that_are_done),          STARTED(mappings),
        STARTED(only_events_are_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
