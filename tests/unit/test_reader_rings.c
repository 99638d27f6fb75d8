/* test_reader_rings.c - the drain loop against rings with arbitrary contents. */
#define _GNU_SOURCE
#include "sweep.h"
#include "number_map.h"
#include "reader_memory.h"
#include "rings.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- rings --------------------------------------------------------------------------------------- */

static struct tracker *tracker;

static int begin_tracker(void **unused)
{
    begin(unused);
    tracker = calloc(1, sizeof *tracker);
    tracker->arena = arena;
    wire->process[0].node_segment[0] = CHUNK(0);
    ((uint64_t *)at(CHUNK(0)))[0] = 1;
    wire->ring[0].buffer = CHUNK(8);
    wire->ring[0].tid = (uint32_t)gettid();
    wire->ring[0].state = WIRE_RING_BUSY;
    wire->rings = 1;
    return 0;
}

static int end_tracker(void **unused)
{
    for (uint32_t i = 1; i <= tracker->ledger.count; i++) {
        free(ledger_site(&tracker->ledger, i)->sizes);
        free(ledger_site(&tracker->ledger, i)->lifetimes);
    }
    for (uint32_t i = 0; i < tracker->process_count; i++) {
        struct tracked_process *process = tracker_process(tracker, i);
        close(process->pidfd);
        blocks_close(&process->blocks);
        grow_free(&process->site_of_node);
        grow_free(&process->active);
        free(process);
    }
    for (uint32_t i = 0; i < tracker->ring_count; i++)
        free(tracker->rings[i]);
    grow_free(&tracker->processes);
    grow_free(&tracker->threads);
    grow_free(&tracker->ledger.sites);
    grow_free(&tracker->ledger.written);
    free(tracker);
    return end(unused);
}

static void publish(uint64_t word, bool two, uint64_t second)
{
    uint64_t *words = at(CHUNK(8)), head = wire->ring[0].head;
    words[head++ % WIRE_RING_WORDS] = word;
    if (two)
        words[head++ % WIRE_RING_WORDS] = second;
    wire->ring[0].head = head;
}

static void publish_allocation(uint64_t address, uint32_t node)
{
    publish((uint64_t)WIRE_ALLOC << WIRE_TYPE_SHIFT | address, true, (uint64_t)node << 32 | 10);
}

static void heads_that_cannot_be(void **unused)
{
    (void)unused;
    for (uint64_t i = 1; i <= 3; i++)
        publish_allocation(i * 4096, 1);
    sweep_all(tracker);
    assert_int_equal(tracker->ledger.heap.blocks, 3);
    assert_false(tracker_damaged(tracker_process(tracker, 0)));
    assert_int_equal(wire->ring[0].tail, 6);
    static const uint64_t heads[] = {5, 0, 100 + WIRE_RING_WORDS, UINT64_MAX, 1ull << 63};
    for (size_t i = 0; i < sizeof heads / sizeof heads[0]; i++) {
        uint64_t head = wire->ring[0].head;
        wire->ring[0].head = heads[i];
        sweep_all(tracker);
        assert_int_equal(wire->ring[0].tail, heads[i]); /* no program has to wait */
        assert_true(tracker_damaged(tracker_process(tracker, 0)));
        assert_int_equal(tracker->ledger.heap.blocks, 3 + i);
        wire->ring[0].head = head; /* the program has the right value, and writes it with its next event */
        sweep_all(tracker);
        assert_int_equal(wire->ring[0].tail, head);
        publish_allocation((10 + i) * 4096, 1); /* the ring continues to work */
        sweep_all(tracker);
        assert_int_equal(tracker->ledger.heap.blocks, 4 + i);
    }
}

static void a_tail_that_is_overwritten(void **unused)
{
    (void)unused;
    publish_allocation(4096, 1);
    sweep_all(tracker);
    wire->ring[0].tail = 12345678;
    sweep_all(tracker);
    assert_int_equal(wire->ring[0].tail, 2);
    assert_false(tracker_damaged(tracker_process(tracker, 0)));
}

/* The time-stamp counter restarts after a suspend on some machines, and differs on another machine. */
static void time_that_goes_back(void **unused)
{
    (void)unused;
    static const uint64_t later[] = {1, 1ull << 20, 1ull << 40, 1ull << 57};
    const uint64_t now = __builtin_ia32_rdtsc() >> STAMP_SHIFT, most = (1ull << WIRE_TYPE_SHIFT) - 1;
    publish((uint64_t)WIRE_STAMP << WIRE_TYPE_SHIFT | now, false, 0);
    publish_allocation(4096, 1);
    sweep_all(tracker);
    assert_int_equal(tracker->ledger.heap.blocks, 1);
    assert_true(tracker->limit >= now && tracker->limit - now < now); /* measured in the arena's unit */
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
        tracker->rings[0]->stamp = (now + (1ull << 30) + later[i]) & most; /* stamp of the previous event */
        publish_allocation((2 + i) * 4096, 1);
        sweep_all(tracker);
        assert_int_equal(tracker->ledger.heap.blocks, 2 + i);
        assert_int_equal(wire->ring[0].tail, wire->ring[0].head); /* no program has to wait */
    }
    /* the counter that the program reads from now on */
    publish((uint64_t)WIRE_STAMP << WIRE_TYPE_SHIFT | 1, false, 0);
    publish_allocation(100 * 4096, 1);
    sweep_all(tracker);
    assert_int_equal(wire->ring[0].tail, wire->ring[0].head);
}

/* A process that was killed while it filled in a slot must not keep it. */
static void slots_of_the_unborn(void **unused)
{
    (void)unused;
    pid_t dead = fork();
    if (dead == 0)
        _exit(0);
    waitpid(dead, NULL, 0);
    wire->processes = 4;
    wire->rings = 4;
    wire->process[1].state = wire_claimed(WIRE_PROCESS_CLAIMED, (uint32_t)dead);
    wire->process[1].pid = dead;
    wire->process[1].node_segment[0] = CHUNK(20);
    wire->process[2].state = wire_claimed(WIRE_PROCESS_CLAIMED, (uint32_t)getpid());
    wire->process[3].state = wire_claimed(WIRE_PROCESS_CLAIMED, WIRE_CLAIMED_ELSEWHERE);
    wire->ring[1].state = wire_claimed(WIRE_RING_CLAIMED, 1);
    wire->ring[2].state = wire_claimed(WIRE_RING_CLAIMED, 3);
    publish_allocation(4096, 1);
    sweep_all(tracker);
    assert_int_equal(tracker->process_count, 1);
    assert_int_equal(tracker_reap(tracker), 1);
    assert_int_equal(wire->process[1].state, WIRE_PROCESS_FREE);
    assert_int_equal(wire->process[1].pid, 0);
    assert_int_equal(wire->process[1].node_segment[0], 0);
    assert_int_equal(wire_state(wire->process[2].state), WIRE_PROCESS_CLAIMED);
    assert_int_equal(wire_state(wire->process[3].state), WIRE_PROCESS_CLAIMED);
    tracker_end(tracker); /* of the first process, as if it was gone */
    assert_int_equal(wire->ring[1].state, WIRE_RING_FREE);
    assert_int_equal(wire_state(wire->ring[2].state), WIRE_RING_CLAIMED);
}

/* The common peak: when one process ends, what the others have allocated by then is added to its share,
 * and nothing later. */
static void what_others_have_at_an_end(void **unused)
{
    (void)unused;
    wire->process[1].node_segment[0] = CHUNK(0);
    wire->ring[1].buffer = CHUNK(16);
    wire->ring[1].tid = (uint32_t)gettid();
    wire->ring[1].state = WIRE_RING_BUSY;
    wire->ring[1].process = 1;
    wire->rings = 2;
    sweep_all(tracker);
    assert_int_equal(tracker->process_count, 2);
    uint64_t *words = at(CHUNK(16));
    words[0] = (uint64_t)WIRE_ALLOC << WIRE_TYPE_SHIFT | 4096;
    words[1] = (uint64_t)1 << 32 | 100;
    wire->ring[1].head = 2;
    publish((uint64_t)WIRE_STAMP << WIRE_TYPE_SHIFT | __builtin_ia32_rdtsc() >> STAMP_SHIFT, false, 0);
    publish_allocation(4096, 1);
    usleep(1000);
    wire->process[1].ended_ns = tracker_clock();
    wire->process[1].flags |= WIRE_PROCESS_DETACHED;
    wire->process[1].state = WIRE_PROCESS_EXITING;
    usleep(1000);
    publish((uint64_t)WIRE_STAMP << WIRE_TYPE_SHIFT | __builtin_ia32_rdtsc() >> STAMP_SHIFT, false, 0);
    publish_allocation(8192, 1);
    assert_int_equal(tracker_reap(tracker), 1);
    assert_int_equal(tracker->ledger.heap.peak_bytes, 100 + 10);
    assert_int_equal(tracker->ledger.heap.bytes, 10);
    sweep_all(tracker);
    assert_int_equal(tracker->ledger.heap.peak_bytes, 100 + 10);
    assert_int_equal(tracker->ledger.heap.bytes, 2 * 10);
}

static void rings_that_cannot_be_read(void **unused)
{
    (void)unused;
    static const uint64_t buffers[] = {0, 8, WIRE_CHUNK_SIZE, CHUNK(60), UINT64_MAX, CHUNK(8) + 4096};
    for (size_t i = 0; i < sizeof buffers / sizeof buffers[0]; i++) {
        wire->ring[0].buffer = buffers[i];
        wire->ring[0].head += 1000;
        sweep_all(tracker);
        assert_null(tracker->rings[0]);
        assert_int_equal(wire->ring[0].tail, wire->ring[0].head); /* no program has to wait */
    }
    assert_true(tracker_damaged(tracker_process(tracker, 0)));
    wire->ring[0].process = 0xffffff;
    wire->rings = UINT32_MAX;
    sweep_all(tracker);
    wire->ring[0].process = 500; /* no such process */
    sweep_all(tracker);
    assert_null(tracker->rings[0]);
    wire->ring[0].process = 0;
    wire->ring[0].buffer = CHUNK(8);
    sweep_all(tracker);
    assert_non_null(tracker->rings[0]);
}

static void stacks_that_are_not_there(void **unused)
{
    (void)unused;
    publish_allocation(4096, 1);
    publish_allocation(8192, UINT32_MAX - 1); /* would need 16 GiB of sites, if it was believed */
    publish_allocation(12288, 2);
    sweep_all(tracker);
    assert_int_equal(tracker->ledger.heap.blocks, 3); /* counted, without a stack */
    for (uint32_t i = 1; i <= tracker->ledger.count; i++)
        assert_true(ledger_site(&tracker->ledger, i)->node <= 1);
    assert_true(tracker_damaged(tracker_process(tracker, 0)));
}

/* A time in the far future, and the failure of a realloc that was never begun. */
static void events_that_make_no_sense(void **unused)
{
    (void)unused;
    publish((uint64_t)WIRE_REALLOC_FAIL << WIRE_TYPE_SHIFT, false, 0);
    sweep_all(tracker);
    assert_int_equal(tracker->ledger.heap.blocks, 0);
    publish((uint64_t)WIRE_STAMP << WIRE_TYPE_SHIFT | ((1ull << 60) - 1), false, 0);
    publish_allocation(4096 | 1ull << WIRE_ELAPSED_SHIFT, 1);
    for (int i = 0; i < 200 && wire->ring[0].tail != wire->ring[0].head; i++) {
        sweep_all(tracker);
        usleep(10000);
    }
    assert_int_equal(wire->ring[0].tail, wire->ring[0].head);
    assert_int_equal(tracker->ledger.heap.blocks, 1);
}

static uint64_t clock_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Makes a process that does nothing, and has published one allocation. */
static pid_t begin_process(uint32_t number)
{
    pid_t pid = fork();
    if (pid == 0) {
        pause();
        _exit(0);
    }
    struct wire_process *process = &wire->process[number];
    struct wire_ring *ring = &wire->ring[number];
    *process = (struct wire_process){.pid = pid, .started_ns = clock_ns()};
    process->node_segment[0] = CHUNK(0);
    ring->process = number;
    ring->tid = (uint32_t)pid;
    ring->buffer = CHUNK(8 + number * WIRE_RING_CHUNKS);
    uint64_t *words = at(ring->buffer);
    words[0] = (uint64_t)WIRE_ALLOC << WIRE_TYPE_SHIFT | 4096;
    words[1] = 1ull << 32 | 10;
    ring->head = 2;
    ring->state = WIRE_RING_BUSY;
    process->state = WIRE_PROCESS_LIVE;
    wire->rings = wire->processes = number + 1;
    return pid;
}

static void end_process(uint32_t number, pid_t pid)
{
    wire->process[number].ended_ns = clock_ns();
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
}

/* One process ends and another begins, after the latest look for ends: nobody held two blocks at any time. */
static void an_end_that_comes_first(void **unused)
{
    (void)unused;
    pid_t first = begin_process(1);
    sweep_all(tracker);
    assert_false(tracker_reap_first(tracker));
    end_process(1, first);
    pid_t second = begin_process(2);
    sweep_all(tracker);
    end_process(2, second);
    sweep_all(tracker);
    assert_int_equal(tracker->ledger.heap.peak_blocks, 1);
    assert_int_equal(tracker->ledger.heap.blocks, 0);
    assert_true(tracker_process(tracker, 1)->ended && tracker_process(tracker, 2)->ended);
}

static void an_end_that_is_still_to_come(void **unused)
{
    (void)unused;
    pid_t first = begin_process(1);
    sweep_all(tracker);
    wire->process[1].ended_ns = UINT64_MAX / 2;
    alarm(60); /* not for ever */
    sweep_all(tracker);
    alarm(0);
    assert_false(tracker_process(tracker, 1)->ended);
    end_process(1, first);
    sweep_all(tracker);
    assert_true(tracker_process(tracker, 1)->ended);
}

static void numbers_of_key_0(void **unused)
{
    (void)unused;
    struct number_map map = {0};
    struct number_entry *entry = number_map_find(&map, 0);
    assert_int_equal(entry->number, 0);
    entry->number = 4711;
    for (uint64_t key = 1; key < 5000; key++) {
        entry = number_map_find(&map, key);
        assert_int_equal(entry->number, 0); /* not the value of key 0 */
        entry->number = (uint32_t)key;
    }
    assert_int_equal(number_map_find(&map, 0)->number, 4711);
    assert_int_equal(map.count, 5000);
    free(map.entries);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(heads_that_cannot_be, begin_tracker, end_tracker),
        cmocka_unit_test_setup_teardown(a_tail_that_is_overwritten, begin_tracker, end_tracker),
        cmocka_unit_test_setup_teardown(an_end_that_comes_first, begin_tracker, end_tracker),
        cmocka_unit_test_setup_teardown(an_end_that_is_still_to_come, begin_tracker, end_tracker),
        cmocka_unit_test_setup_teardown(time_that_goes_back, begin_tracker, end_tracker),
        cmocka_unit_test_setup_teardown(slots_of_the_unborn, begin_tracker, end_tracker),
        cmocka_unit_test_setup_teardown(what_others_have_at_an_end, begin_tracker, end_tracker),
        cmocka_unit_test_setup_teardown(rings_that_cannot_be_read, begin_tracker, end_tracker),
        cmocka_unit_test_setup_teardown(stacks_that_are_not_there, begin_tracker, end_tracker),
        cmocka_unit_test_setup_teardown(events_that_make_no_sense, begin_tracker, end_tracker),
        cmocka_unit_test(numbers_of_key_0),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
