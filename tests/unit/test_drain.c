/* test_drain.c - counts of random events of several processes and threads, against an oracle that looks at
 * everything after each event. */
#include "sweep.h"
#include "drain_oracle.h"
#include "processor.h"

#define RANDOM_SEED 0x2545f4914f6cdd1dull
#include "random_numbers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define QUEUED 4000 /* events between two sweeps */

static uint64_t below(uint64_t limit)
{
    return (next_random() >> 16) % limit;
}

/* ---- the program ------------------------------------------------------------------------------- */

struct program {
    struct tracker tracker;
    struct oracle oracle;
    struct arena view;
    struct wire_arena *arena;
    uint32_t tick;
    unsigned threads[PROCESSES];
    unsigned copies;                  /* sweeps after which the highest peak was one */
    unsigned room;                    /* most blocks that a process may have */
    uint64_t time, stamp[WIRE_RINGS]; /* of the latest event; of each ring's latest event */
    struct event queue[PROCESSES][QUEUED];
    unsigned queued[PROCESSES];
    bool live[PROCESSES][SLOTS];
    uint32_t held[PROCESSES][SLOTS]; /* slots that are live, */
    unsigned count[PROCESSES];       /* and their number */
    uint32_t node[PROCESSES][SLOTS]; /* the stack that each of them belongs to */
    unsigned gil[WIRE_RINGS];        /* of the ring's objects */
};

/* So far apart that the table becomes large if there are many blocks. */
static uint64_t address_of(uint32_t slot)
{
    return 0x7f0000000000ull + 272ull * slot;
}

static void word(struct program *program, unsigned ring, uint64_t value)
{
    struct wire_ring *r = &program->arena->ring[ring];
    uint64_t *words = (uint64_t *)((char *)program->arena + r->buffer), head = atomic_load(&r->head);
    words[head % WIRE_RING_WORDS] = value;
    atomic_store(&r->head, head + 1);
}

/* Time between the ring's previous event and the next one. */
static uint64_t elapsed(struct program *program, unsigned p, unsigned ring)
{
    if (program->threads[p] == 1)
        return 0;
    program->time += 1 + (below(50) ? 0 : below(9000));
    uint64_t since = program->time - program->stamp[ring];
    program->stamp[ring] = program->time;
    if (since <= WIRE_ELAPSED_MAX)
        return since << WIRE_ELAPSED_SHIFT;
    word(program, ring, (uint64_t)WIRE_STAMP << WIRE_TYPE_SHIFT | program->time);
    return 0;
}

static void publish(struct program *program, unsigned p, struct event event)
{
    unsigned ring = p * THREADS + event.thread;
    uint64_t type = (uint64_t)event.type << WIRE_TYPE_SHIFT, second = (uint64_t)event.node << 32;
    assert_true(program->queued[p] < QUEUED);
    program->queue[p][program->queued[p]++] = event;
    if (event.type == WIRE_MARK) {
        word(program, ring, type | elapsed(program, p, ring) | event.size << 32 | event.node);
        word(program, ring, 1);
    } else {
        if (event.size >> 32)
            word(program, ring, (uint64_t)WIRE_HUGE << WIRE_TYPE_SHIFT | event.size >> 32);
        word(program, ring, type | elapsed(program, p, ring) | address_of(event.slot));
        if (event.type != WIRE_FREE && event.type != WIRE_REALLOC_BEGIN && event.type != WIRE_REALLOC_FAIL)
            word(program, ring, second | (uint32_t)event.size);
    }
}

/* Allocates a block of a stack other than those of an object. */
static void allocate_elsewhere(struct program *program, unsigned p, unsigned thread, struct event like)
{
    uint32_t slot = (uint32_t)below(SLOTS / 2);
    uint64_t size = below(20) ? below(200) : below(500) ? 1ull << below(20) : 3ull << 33;
    uint32_t node = (uint32_t)below(NODES);
    bool same = like.type == WIRE_OBJECT && (node == like.node || node == like.real);
    if (program->live[p][slot] || program->count[p] >= program->room || same)
        return;
    program->live[p][slot] = true;
    program->held[p][program->count[p]++] = slot;
    program->node[p][slot] = node;
    publish(program, p, (struct event){WIRE_ALLOC, thread, slot, node, size, 0});
}

static void allocate(struct program *program, unsigned p, unsigned thread)
{
    allocate_elsewhere(program, p, thread, (struct event){0});
}

static void release_one(struct program *program, unsigned p, unsigned thread, unsigned which)
{
    uint32_t slot = program->held[p][which];
    program->held[p][which] = program->held[p][--program->count[p]];
    program->live[p][slot] = false;
    publish(program, p, (struct event){WIRE_FREE, thread, slot, 0, 0, 0});
}

#define GILS 3

/* Publishes an event of an object that this GIL guards. */
static void publish_of_gil(struct program *program, unsigned p, unsigned gil, struct event event)
{
    unsigned ring = p * THREADS + event.thread;
    if (program->gil[ring] != gil)
        word(program, ring, (uint64_t)WIRE_GIL << WIRE_TYPE_SHIFT | gil);
    program->gil[ring] = gil;
    publish(program, p, event);
}

static void known_at_once(struct program *program, unsigned p, unsigned thread, unsigned gil,
                          uint32_t beside[2])
{
    uint32_t slot = (uint32_t)below(SLOTS / 2), nodes[2] = {(uint32_t)below(NODES), (uint32_t)below(NODES)};
    for (unsigned i = 0; i < 2; i++)
        if (nodes[i] == beside[0] || nodes[i] == beside[1])
            return;
    if (program->live[p][slot] || program->count[p] >= program->room)
        return;
    program->live[p][slot] = true;
    program->held[p][program->count[p]++] = slot;
    program->node[p][slot] = nodes[1];
    publish_of_gil(program, p, gil, (struct event){WIRE_OBJECT, thread, slot, nodes[0], below(99), nodes[1]});
    publish_of_gil(program, p, gil, (struct event){WIRE_RETYPE, thread, slot, nodes[1], 0, 0});
}

/* An object whose type is not the expected one, which is known after whatever happens to other stacks: maximums,
 * frees, and objects of other GILs, of which some are of another type, too. */
static void mistake(struct program *program, unsigned p, unsigned thread)
{
    uint32_t slot = (uint32_t)below(SLOTS / 2), nodes[2] = {(uint32_t)below(NODES), (uint32_t)below(NODES)};
    unsigned gil = below(2) ? 0 : (unsigned)below(GILS);
    struct event object = {WIRE_OBJECT, thread, slot, nodes[0], 1ull << below(20), nodes[1]};
    if (program->live[p][slot] || program->count[p] >= program->room)
        return;
    publish_of_gil(program, p, gil, object);
    program->live[p][slot] = true;
    program->held[p][program->count[p]++] = slot;
    program->node[p][slot] = nodes[1];
    for (uint64_t i = below(6); i > 0; i--) {
        unsigned which = (unsigned)below(program->count[p]), by = (unsigned)below(program->threads[p]);
        uint32_t of = program->node[p][program->held[p][which]];
        if (below(2))
            allocate_elsewhere(program, p, by, object);
        else if (below(4) == 0)
            known_at_once(program, p, by, (gil + 1) % GILS, nodes);
        else if (of != nodes[0] && of != nodes[1])
            release_one(program, p, by, which);
    }
    publish_of_gil(program, p, gil,
                   (struct event){WIRE_RETYPE, (unsigned)below(program->threads[p]), slot, nodes[1], 0, 0});
    if (below(2))
        release_one(program, p, thread, program->count[p] - 1);
}

/* Releases the newest block, or a random one. */
static void release(struct program *program, unsigned p, unsigned thread, enum wire_event type)
{
    if (program->count[p] == 0)
        return;
    unsigned which = below(3) ? (unsigned)below(program->count[p]) : program->count[p] - 1;
    uint32_t slot = program->held[p][which];
    program->held[p][which] = program->held[p][--program->count[p]];
    program->live[p][slot] = false;
    publish(program, p, (struct event){type, thread, slot, 0, 0, 0});
}

/* A realloc that fails; other threads continue meanwhile. */
static void fail_to_move(struct program *program, unsigned p, unsigned thread)
{
    if (program->count[p] == 0)
        return;
    uint32_t slot = program->held[p][below(program->count[p])];
    publish(program, p, (struct event){WIRE_REALLOC_BEGIN, thread, slot, 0, 0, 0});
    if (below(2))
        allocate(program, p, (thread + 1) % program->threads[p]);
    publish(program, p, (struct event){WIRE_REALLOC_FAIL, thread, slot, 0, 0, 0});
}

/* A block that takes the place of one of the same stack. */
static void grow_one(struct program *program, unsigned p, unsigned thread)
{
    uint32_t slot = (uint32_t)below(SLOTS / 2), node = (uint32_t)below(NODES);
    if (program->count[p] == 0 || program->count[p] >= program->room || program->live[p][slot])
        return;
    unsigned which = (unsigned)below(program->count[p]);
    node = program->node[p][program->held[p][which]];
    program->live[p][slot] = true;
    program->held[p][program->count[p]++] = slot;
    program->node[p][slot] = node;
    publish(program, p, (struct event){WIRE_ALLOC, thread, slot, node, 1ull << below(21), 0});
    release_one(program, p, thread, which);
}

/* grows: of ten events that make or release a block, how many make one. */
static void something(struct program *program, unsigned grows)
{
    unsigned p = (unsigned)below(PROCESSES), thread = (unsigned)below(program->threads[p]);
    uint64_t what = below(100);
    uint32_t node = (uint32_t)below(NODES), foreign = (uint32_t)(SLOTS / 2 + below(SLOTS / 2));
    if (what < 60 && below(10) < grows) {
        allocate(program, p, thread);
        if (what < 10 && program->count[p])
            release(program, p, thread, WIRE_FREE);
    } else if (what < 60) {
        release(program, p, thread, WIRE_FREE);
    } else if (what < 70) {
        mistake(program, p, thread);
    } else if (what < 85 && program->count[p]) {
        uint32_t slot = below(20) ? program->held[p][below(program->count[p])] : foreign;
        program->node[p][slot] = node;
        publish(program, p, (struct event){WIRE_MOVE, thread, slot, node, 0, 0});
    } else if (what < 92) {
        release(program, p, thread, WIRE_REALLOC_BEGIN);
        allocate(program, p, thread);
    } else if (what < 95) {
        fail_to_move(program, p, thread);
    } else if (what == 97) {
        grow_one(program, p, thread);
    } else if (what < 96) {
        publish(program, p, (struct event){WIRE_FREE, thread, foreign, 0, 0, 0});
    } else if (what > 98 && below(20) == 0 && program->oracle.marks < 9000) {
        if (below(50) == 0)
            publish(program, p, (struct event){WIRE_MARK, thread, 0, 0, WIRE_MARK_FINALIZE, 0});
        else
            publish(program, p, (struct event){WIRE_MARK, thread, 0, 1, WIRE_MARK_NAMED, 0});
    }
}

/* ---- comparing --------------------------------------------------------------------------------- */

static void check_site(const struct ledger *ledger, const struct site *site, const struct oracle_site *own)
{
    uint64_t allocations, bytes, counts[CLASSES];
    assert_int_equal(site->allocations, own->allocations);
    assert_int_equal(site->bytes, own->bytes);
    assert_int_equal(site->frees, own->frees);
    assert_int_equal(site->freed_bytes, own->freed_bytes);
    assert_int_equal(site->temporary, own->temporary);
    assert_int_equal(site->highest_bytes, own->highest);
    assert_int_equal(site->smallest, own->smallest);
    assert_int_equal(site->largest, own->largest);
    ledger_at_peak(ledger, site, LEDGER_LIVES, &allocations, &bytes);
    assert_int_equal(allocations, own->peak_allocations);
    assert_int_equal(bytes, own->peak_bytes);
    ledger_histogram(site->sizes, site->size_class, site->allocations, counts);
    assert_memory_equal(counts, own->sizes, sizeof counts);
    ledger_histogram(site->lifetimes, site->lifetime_class, site->frees, counts);
    assert_memory_equal(counts, own->lifetimes, sizeof counts);
}

static void check_copy(const struct ledger *ledger, const struct peak_copy *copy, const struct peak_copy *own)
{
    const struct site *site = ledger_site(ledger, copy->site);
    unsigned index = (site->process * (THREADS + 1) + site->thread) * NODES + site->node + 1;
    assert_int_equal(copy->site ? index : 0, own->site);
    assert_int_equal(copy->old_bytes, own->old_bytes);
    assert_int_equal(copy->new_bytes, own->new_bytes);
    assert_int_equal(copy->height, own->height);
    assert_int_equal(copy->next_height, own->next_height);
}

static void sweep_and_check(struct program *program)
{
    struct tracker *tracker = &program->tracker;
    struct oracle *oracle = &program->oracle;
    oracle->tick = program->tick; /* as of the last sweep: the events came later */
    program->tick += below(4) ? 0 : below(100);
    program->tracker.ledger.now_ns = program->tick * WIRE_TICK_NS;
    uint32_t beat = program->arena->beat;
    sweep_all(tracker);
    unsigned turns = 0; /* at least */
    for (unsigned p = 0; p < PROCESSES; p++)
        turns += program->queued[p] != 0;
    assert_true(program->arena->beat - beat >=
                turns); /* a sweep may be long, and programs wait for a sign of life */
    for (unsigned ring = 0; ring < PROCESSES * THREADS;
         ring++) /* for which a thread waits that has no room */
        assert_int_equal(program->arena->ring[ring].tail, program->arena->ring[ring].head);
    for (unsigned p = 0; p < PROCESSES; p++) {
        for (unsigned i = 0; i < program->queued[p]; i++)
            oracle_take(oracle, p, &program->queue[p][i]);
        program->queued[p] = 0;
        const struct tracked_process *process = tracker_process(tracker, p);
        assert_memory_equal(&process->heap, &oracle->heap[p], sizeof process->heap);
        assert_int_equal(blocks_count(&process->blocks), program->count[p]);
    }
    assert_memory_equal(&tracker->ledger.heap, &oracle->all, sizeof oracle->all);
    uint64_t touched = 0;
    for (unsigned i = 0; i < SITES; i++)
        touched += oracle->site[i].allocations != 0;
    for (uint32_t i = 1; i <= tracker->ledger.count; i++) {
        const struct site *site = ledger_site(&tracker->ledger, i);
        unsigned index = (site->process * (THREADS + 1) + site->thread) * NODES + site->node;
        if (site->allocations == 0)
            continue; /* only reallocs of blocks that are not known */
        check_site(&tracker->ledger, site, &oracle->site[index]);
        const struct site_fate fate = ledger_fate(&tracker->ledger, i);
        assert_memory_equal(&fate, &oracle->site[index].fate, sizeof fate);
        touched--;
    }
    assert_int_equal(touched, 0);
    bool copied = ledger_copy_at_peak(&tracker->ledger);
    assert_int_equal(copied, oracle->counted.site != 0);
    if (copied)
        check_copy(&tracker->ledger, &tracker->ledger.counted, &oracle->counted);
    check_copy(&tracker->ledger, &tracker->ledger.inside, &oracle->inside);
    program->copies += copied;
    for (uint32_t i = 0; i < tracker->thread_count; i++) {
        const struct tracked_thread *thread = tracker_thread(tracker, i);
        const struct oracle_thread *own = &oracle->thread[thread->process][thread->id - 1];
        assert_int_equal(thread->allocations, own->allocations);
        assert_int_equal(thread->bytes, own->bytes);
        assert_int_equal(thread->frees, own->frees);
    }
    const struct mark *marks = tracker->marks.memory;
    assert_int_equal(tracker->mark_count, oracle->marks);
    for (unsigned i = 0; i < oracle->marks; i++)
        assert_int_equal(marks[i].since_mark_bytes, oracle->lap[i]);
}

static size_t arena_size(void)
{
    return (WIRE_FIRST_CHUNK + PROCESSES * THREADS * WIRE_RING_CHUNKS + PROCESSES) * WIRE_CHUNK_SIZE;
}

static struct program *program_start(const unsigned *threads, unsigned room, bool by_thread)
{
    struct program *program = calloc(1, sizeof *program);
    struct wire_arena *arena =
        mmap(NULL, arena_size(), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(program && arena != MAP_FAILED);
    program->arena = arena;
    arena_adopt(&program->view, arena, arena_size(), -1);
    program->tracker.arena = &program->view;
    program->tracker.ledger.peak_ends = peak_copies_ends;
    program->tracker.ledger.peak_data = &program->tracker;
    program->tracker.evicts = processor_evicts_lines();
    program->room = room;
    program->tracker.by_thread = program->oracle.by_thread = by_thread;
    program->time = 1;
    for (uint32_t p = 0; p < PROCESSES; p++) {
        program->threads[p] = threads[p];
        arena->process[p].pid = getpid();
        arena->process[p].state = WIRE_PROCESS_LIVE;
        uint64_t nodes = (WIRE_FIRST_CHUNK + PROCESSES * THREADS * WIRE_RING_CHUNKS + p) * WIRE_CHUNK_SIZE;
        arena->process[p].node_segment[0] = nodes;
        for (uint32_t node = 1; node < NODES; node++)
            ((uint64_t *)((char *)arena + nodes))[node - 1] = node;
        for (uint32_t t = 0; t < threads[p]; t++) {
            struct wire_ring *ring = &arena->ring[p * THREADS + t];
            ring->process = p;
            ring->tid = 1 + t;
            ring->buffer = (WIRE_FIRST_CHUNK + (p * THREADS + t) * WIRE_RING_CHUNKS) * WIRE_CHUNK_SIZE;
            ring->state = WIRE_RING_BUSY;
        }
    }
    arena->processes = PROCESSES;
    arena->rings = PROCESSES * THREADS;
    tracker_look(&program->tracker);
    return program;
}

static void program_end(struct program *program)
{
    struct tracker *tracker = &program->tracker;
    for (uint32_t i = 1; i <= tracker->ledger.count; i++) {
        free(ledger_site(&tracker->ledger, i)->sizes);
        free(ledger_site(&tracker->ledger, i)->lifetimes);
    }
    for (uint32_t p = 0; p < PROCESSES; p++) {
        struct tracked_process *process = tracker_process(tracker, p);
        sweep_last(tracker, process);
        assert_int_equal(process->foreign_frees, program->oracle.foreign[p]);
        assert_null(process->pending);
        blocks_close(&process->blocks);
        grow_free(&process->site_of_node);
        grow_free(&process->active);
        close(process->pidfd);
        free(process->further);
        free(process);
    }
    for (uint32_t i = 0; i < PROCESSES * THREADS; i++)
        free(tracker->rings[i]);
    struct grow *arrays[] = {&tracker->ledger.sites,    &tracker->ledger.written, &tracker->processes,
                             &tracker->threads,         &tracker->marks,          &tracker->samples.rows,
                             &tracker->samples.sampled, &tracker->ledger.fates};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        grow_free(arrays[i]);
    free(tracker->site_of_thread.entries);
    munmap(program->arena, arena_size());
    free(program);
}

/* Heaps that grow and shrink: each maximum is a little higher than the last, or the last is never reached
 * again, or the heap always grows. */
static void against_oracle(const unsigned *threads, unsigned room, bool by_thread)
{
    struct program *program = program_start(threads, room, by_thread);
    const bool many = room > 1000;
    for (int sweep = 0; many && sweep < 20; sweep++) {
        for (int i = 0; i < 3000; i++)
            allocate(program, 0, 0);
        sweep_and_check(program);
    }
    for (int sweep = 0; sweep < 2500; sweep++) {
        unsigned grows = (unsigned)below(10) + 1;
        for (uint64_t i = below(sweep % 50 ? 150 : 2000); i > 0; i--)
            something(program, grows);
        sweep_and_check(program);
    }
    assert_true(program->oracle.marks > 20);
    assert_true(!many || tracker_process(&program->tracker, 0)->blocks.leaf_bytes > 1 << 20);
    program_end(program);
}

static void one_thread_each(void **unused)
{
    (void)unused;
    against_oracle((const unsigned[]){1, 1, 1}, 60, false);
}

static void several_threads(void **unused)
{
    (void)unused;
    against_oracle((const unsigned[]){1, 2, 3}, 60, false);
}

static void sites_by_thread(void **unused)
{
    (void)unused;
    against_oracle((const unsigned[]){3, 1, 2}, 60, true);
}

/* So many blocks that drain prefetches them. */
static void many_blocks(void **unused)
{
    (void)unused;
    against_oracle((const unsigned[]){1, 1, 2}, 35000, false);
}

/* A history that no run had before, or that of LIBTRACE_SEED, which each run prints. */
static void another_history(void **unused)
{
    const char *given = getenv("LIBTRACE_SEED");
    struct timespec now;
    (void)unused;
    clock_gettime(CLOCK_REALTIME, &now);
    random_state =
        given ? strtoull(given, NULL, 10) : (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    print_message("LIBTRACE_SEED=%llu\n", (unsigned long long)random_state);
    const unsigned threads[] = {1 + (unsigned)below(THREADS), 1 + (unsigned)below(THREADS),
                                1 + (unsigned)below(THREADS)};
    against_oracle(threads, 20 + (unsigned)below(100), below(2));
}

/* The time is written, and the event that it is of is still to come. */
static void a_stamp_alone(void **unused)
{
    (void)unused;
    struct program *program = program_start((const unsigned[]){2, 1, 1}, 60, false);
    allocate(program, 0, 0);
    program->stamp[1] = ++program->time;
    word(program, 1, (uint64_t)WIRE_STAMP << WIRE_TYPE_SHIFT | program->time);
    sweep_and_check(program);
    allocate(program, 0, 1);
    sweep_and_check(program);
    program_end(program);
}

/* Moments of births have few bits, and become coarser as a run goes on. */
static void runs_of_days(void **unused)
{
    (void)unused;
    for (unsigned threads = 1; threads <= 2; threads++) {
        struct program *program = program_start((const unsigned[]){threads, 1, 1}, 60, false);
        for (uint32_t days = 0; days < 5; days++) {
            program->tick = days * 3 << BLOCKS_BORN_BITS;
            if (days)
                sweep_and_check(program);
            for (uint32_t slot = 0; slot < 40; slot++) {
                program->count[0]++;
                publish(program, 0,
                        (struct event){WIRE_ALLOC, slot % threads, slot, slot % NODES, 100 + slot, 0});
            }
            sweep_and_check(program);
            program->tick += 100000;
            sweep_and_check(program);
            for (uint32_t slot = 0; slot < 40; slot++) {
                program->count[0]--;
                publish(program, 0, (struct event){WIRE_FREE, slot % threads, slot, 0, 0, 0});
            }
            sweep_and_check(program);
        }
        program_end(program);
    }
}

/* A block takes the place of one of the same stack at the peak; then realloc moves it, and that is higher. */
static void growing(void **unused)
{
    (void)unused;
    const struct event steps[] = {{WIRE_ALLOC, 0, 1, 3, 1 << 17, 0},   {WIRE_ALLOC, 0, 2, 3, 1 << 18, 0},
                                  {WIRE_FREE, 0, 1, 0, 0, 0},          {WIRE_ALLOC, 0, 3, 4, 1 << 16, 0},
                                  {WIRE_REALLOC_BEGIN, 0, 2, 0, 0, 0}, {WIRE_ALLOC, 0, 4, 5, 1 << 18, 0},
                                  {WIRE_ALLOC, 0, 5, 3, 1 << 19, 0},   {WIRE_FREE, 0, 3, 0, 0, 0}};
    static const unsigned copies[] = {0, 0, 1, 1, 1, 1, 0, 0};
    for (unsigned threads = 1; threads <= 2; threads++) {
        struct program *program = program_start((const unsigned[]){threads, 1, 1}, 60, threads == 2);
        for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
            program->live[0][steps[i].slot] = steps[i].type == WIRE_ALLOC;
            program->count[0] += steps[i].type == WIRE_ALLOC ? 1 : -1u;
            publish(program, 0, steps[i]);
            program->copies = 0;
            sweep_and_check(program);
            assert_int_equal(program->copies, copies[i]);
        }
        assert_int_equal(program->tracker.ledger.inside.height, (1 << 18) + (1 << 18) + (1 << 16));
        assert_int_equal(program->tracker.ledger.inside.old_bytes, 1 << 18);
        program_end(program);
    }
}

/* While a realloc fails, another thread makes a block of the same stack: both were live. Then an object is expected there
 * that is of another type. */
static void failing(void **unused)
{
    (void)unused;
    const struct event steps[] = {{WIRE_ALLOC, 0, 1, 3, 1000, 0},      {WIRE_REALLOC_BEGIN, 0, 1, 0, 0, 0},
                                  {WIRE_ALLOC, 1, 2, 3, 400, 0},       {WIRE_REALLOC_FAIL, 0, 1, 0, 0, 0},
                                  {WIRE_OBJECT, 1, 3, 3, 5000, 4},     {WIRE_RETYPE, 1, 3, 4, 0, 0},
                                  {WIRE_REALLOC_BEGIN, 0, 1, 0, 0, 0}, {WIRE_ALLOC, 1, 4, 3, 7, 0},
                                  {WIRE_REALLOC_FAIL, 0, 1, 0, 0, 0}};
    struct program *program = program_start((const unsigned[]){2, 1, 1}, 60, false);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        publish(program, 0, steps[i]);
        program->count[0] += steps[i].type == WIRE_ALLOC || steps[i].type == WIRE_OBJECT;
        program->count[0] += steps[i].type == WIRE_REALLOC_FAIL;
        program->count[0] -= steps[i].type == WIRE_REALLOC_BEGIN;
        if (steps[i].type != WIRE_OBJECT) /* its type is known before the collector looks */
            sweep_and_check(program);
    }
    uint64_t highest = 0;
    for (uint32_t i = 1; i <= program->tracker.ledger.count; i++) {
        const struct site *site = ledger_site(&program->tracker.ledger, i);
        highest = site->node == 3 ? site->highest_bytes : highest;
    }
    assert_int_equal(highest, 1000 + 400 + 7);
    program_end(program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_thread_each), cmocka_unit_test(several_threads),
        cmocka_unit_test(sites_by_thread), cmocka_unit_test(many_blocks),
        cmocka_unit_test(another_history), cmocka_unit_test(a_stamp_alone),
        cmocka_unit_test(runs_of_days),    cmocka_unit_test(growing),
        cmocka_unit_test(failing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
