/* drain_oracle.h - what random events of several processes and threads amount to, by looking at everything after each of
 * them: for test_drain.c. */
#ifndef LIBTRACE_TESTS_DRAIN_ORACLE_H
#define LIBTRACE_TESTS_DRAIN_ORACLE_H

#include "peak_copies.h"
#include "track.h"

#define PROCESSES 3
#define THREADS 3 /* at most, in each process */
#define NODES 20
#define SITES ((PROCESSES) * (THREADS + 1) * (NODES))
#define SLOTS 80000 /* addresses of each process */

struct event {
    enum wire_event type;
    unsigned thread;
    uint32_t slot, node; /* node: a MARK's number */
    uint64_t size;
    uint32_t real; /* for OBJECT: the node that a later RETYPE names */
};

struct oracle_site {
    uint64_t allocations, bytes, frees, freed_bytes, temporary;
    uint64_t highest, smallest, largest;
    uint64_t peak_allocations, peak_bytes;
    uint64_t sizes[CLASSES], lifetimes[CLASSES];
    struct site_fate fate;
};

struct oracle_thread {
    uint64_t allocations, bytes, frees;
    uint32_t last_made;          /* slot + 1 */
    uint32_t moving_age, moving; /* moving: slot + 1 while a realloc's new block is to come */
};

struct oracle_block {
    bool live;
    unsigned site;
    uint64_t size;
    uint32_t born;
    unsigned by; /* thread */
};

struct oracle {
    bool at_peak;                     /* the heap has not shrunk since */
    struct peak_copy counted, inside; /* site: index + 1 */
    bool by_thread;
    uint32_t tick;
    struct heap all, heap[PROCESSES];
    struct oracle_site site[SITES];
    struct oracle_thread thread[PROCESSES][THREADS];
    struct oracle_block block[PROCESSES][SLOTS];
    uint64_t foreign[PROCESSES];
    uint64_t lap[10000]; /* highest heap between the previous mark and this one */
    unsigned marks;
    bool finalized[PROCESSES];
};

static void oracle_maximum(struct oracle *oracle, struct heap *heap)
{
    if (heap->bytes > heap->since_mark_bytes) {
        heap->since_mark_bytes = heap->bytes;
        heap->since_mark_blocks = heap->blocks;
    }
    if (heap->bytes <= heap->peak_bytes)
        return;
    heap->peak_bytes = heap->bytes;
    heap->peak_blocks = heap->blocks;
    if (heap == &oracle->all) {
        oracle->at_peak = true;
        oracle->counted = (struct peak_copy){0};
    }
    for (unsigned i = 0; heap == &oracle->all && i < SITES; i++) {
        struct oracle_site *site = &oracle->site[i];
        site->peak_allocations = site->allocations - site->frees;
        site->peak_bytes = site->bytes - site->freed_bytes;
    }
}

/* The heap shrinks, by a block that the thread frees; slot: of that, or -1. */
static void oracle_shrinks(struct oracle *oracle, unsigned p, const struct oracle_thread *thread, int slot)
{
    const struct oracle_block *made = thread->last_made ? &oracle->block[p][thread->last_made - 1] : NULL,
                              *freed = slot >= 0 ? &oracle->block[p][slot] : NULL;
    if (oracle->at_peak && made && freed && made->live && made != freed && made->site == freed->site &&
        made->size > freed->size && freed->size >= 64 << 10)
        oracle->counted =
            (struct peak_copy){freed->site + 1, freed->size, made->size, oracle->all.peak_bytes, 0};
    oracle->at_peak = false;
}

static bool is_mapped(uint32_t slot, uint64_t size)
{
    return 272ull * slot % 4096 == 16 && size >= 4096;
}

/* The thread's realloc has a new block, of a site that is known so far. */
static void oracle_moved(struct oracle *oracle, struct oracle_thread *thread, const struct event *event,
                         unsigned site, uint64_t old)
{
    uint32_t slot = thread->moving - 1;
    uint64_t size = event->size, height = oracle->all.bytes + old;
    struct peak_copy *inside = &oracle->inside;
    bool same = slot == event->slot || (is_mapped(slot, old) && is_mapped(event->slot, size));
    thread->moving = 0;
    if (same)
        return;
    oracle->site[site].fate.moves++;
    oracle->site[site].fate.moved_bytes += old < size ? old : size;
    if (height > inside->height)
        *inside = (struct peak_copy){site + 1, old, size, height,
                                     inside->site == site + 1 ? inside->next_height : inside->height};
    else if (inside->site != site + 1 && height > inside->next_height)
        inside->next_height = height;
}

static void oracle_change(struct oracle *oracle, unsigned p, uint64_t bytes, uint64_t blocks)
{
    oracle->heap[p].bytes += bytes;
    oracle->heap[p].blocks += blocks;
    oracle->all.bytes += bytes;
    oracle->all.blocks += blocks;
    oracle_maximum(oracle, &oracle->heap[p]);
    oracle_maximum(oracle, &oracle->all);
}

static void oracle_alloc(struct oracle *oracle, unsigned p, const struct event *event, uint64_t size)
{
    struct oracle_thread *thread = &oracle->thread[p][event->thread];
    unsigned by = oracle->by_thread ? event->thread + 1 : 0;
    uint32_t node = event->type == WIRE_OBJECT ? event->real : event->node;
    unsigned index = (p * (THREADS + 1) + by) * NODES + node;
    struct oracle_site *site = &oracle->site[index];
    if (size == 0)
        oracle->at_peak = false;
    oracle->block[p][event->slot] = (struct oracle_block){true, index, size, oracle->tick, event->thread};
    site->smallest = site->allocations == 0 || size < site->smallest ? size : site->smallest;
    site->largest = size > site->largest ? size : site->largest;
    site->sizes[ledger_class(size)]++;
    site->allocations++;
    site->bytes += size;
    if (site->bytes - site->freed_bytes > site->highest)
        site->highest = site->bytes - site->freed_bytes;
    thread->allocations++;
    thread->bytes += size;
    oracle_change(oracle, p, size, 1);
}

static void oracle_free(struct oracle *oracle, unsigned p, const struct event *event)
{
    struct oracle_thread *thread = &oracle->thread[p][event->thread];
    struct oracle_block *block = &oracle->block[p][event->slot];
    struct oracle_site *site = &oracle->site[block->site];
    uint32_t age = oracle->tick - block->born;
    oracle_shrinks(oracle, p, thread, event->type == WIRE_FREE ? (int)event->slot : -1);
    block->live = false;
    site->fate.freed_elsewhere += event->type != WIRE_MOVE && block->by != event->thread;
    site->lifetimes[ledger_class(age)]++;
    site->frees++;
    site->freed_bytes += block->size;
    thread->frees++;
    thread->moving_age = age;
    oracle_change(oracle, p, -block->size, -1ull);
}

static void oracle_take(struct oracle *oracle, unsigned p, const struct event *event)
{
    struct oracle_thread *thread = &oracle->thread[p][event->thread];
    struct oracle_block *block = &oracle->block[p][event->slot];
    struct oracle_site *site = &oracle->site[block->site];
    uint32_t made = thread->last_made;
    unsigned site_index =
        (p * (THREADS + 1) + (oracle->by_thread ? event->thread + 1 : 0)) * NODES + event->node;
    uint64_t old_size;
    switch (event->type) {
    case WIRE_MARK:
        if (event->size == WIRE_MARK_FINALIZE) { /* only a process's first counts, and it starts no new lap */
            if (!oracle->finalized[p])
                oracle->lap[oracle->marks++] = 0;
            oracle->finalized[p] = true;
            return;
        }
        oracle->lap[oracle->marks++] = oracle->all.since_mark_bytes;
        oracle->all.since_mark_bytes = oracle->all.bytes;
        oracle->all.since_mark_blocks = oracle->all.blocks;
        return;
    case WIRE_RETYPE: /* the oracle knew it from the beginning */
        return;
    case WIRE_OBJECT:
    case WIRE_ALLOC:
        old_size = thread->moving ? oracle->block[p][thread->moving - 1].size : 0;
        oracle_alloc(oracle, p, event, event->size);
        thread->last_made = event->slot + 1;
        if (thread->moving)
            oracle_moved(oracle, thread, event, site_index, old_size);
        return;
    case WIRE_MOVE:
        if (block->live) {
            oracle_free(oracle, p, event);
            oracle_alloc(oracle, p, event, block->size);
        }
        thread->last_made = event->slot + 1;
        return;
    case WIRE_REALLOC_FAIL: /* as if the block had been live all the time */
        block->live = true;
        site->lifetimes[ledger_class(thread->moving_age)]--;
        site->frees--;
        site->freed_bytes -= block->size;
        if (site->bytes - site->freed_bytes > site->highest)
            site->highest = site->bytes - site->freed_bytes;
        site->fate.freed_elsewhere -= block->by != event->thread;
        thread->moving = 0;
        thread->frees--;
        oracle_change(oracle, p, block->size, 1);
        break;
    default:
        site->temporary += event->type == WIRE_FREE && made == event->slot + 1 && block->live;
        if (event->type == WIRE_REALLOC_BEGIN)
            thread->moving = event->slot + 1;
        if (!block->live)
            oracle->foreign[p]++;
        else
            oracle_free(oracle, p, event);
        break;
    }
    thread->last_made = 0;
}

#endif
