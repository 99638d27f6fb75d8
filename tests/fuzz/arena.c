/* arena.c - a fuzz target: shared memory in which the input's words stand, anywhere, read as the
 * collector does.
 *
 * The input is a byte of settings, and then records of 12 bytes: place, index, value. A record writes one
 * word; some have the collector look at what is there by then.
 */
#define _GNU_SOURCE
#include "arena_memory.h"
#include "sweep.h"
#include "input.h"
#include "note_reader.h"
#include "processor.h"
#include "rings.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct record {
    uint8_t place;
    uint8_t index[3];
    uint8_t value[8];
};

static struct arena *arena;

static void begin(uint8_t settings, struct tracker *tracker)
{
    arena = arena_memory_new();
    tracker->arena = arena;
    tracker->point_every_ns = 1000000;
    tracker->by_thread = settings & 1;
    tracker->log_events = settings & 2;
    tracker->evicts = settings & 4 && processor_evicts_lines();
}

static uint64_t *in_chunk(unsigned chunk, uint32_t index)
{
    return arena_memory_chunk(chunk) + index % (WIRE_CHUNK_SIZE / 8);
}

/* Where a record writes to: what counts is hit often. */
static uint64_t *place_of(uint8_t place, uint32_t index)
{
    struct wire_arena *wire = arena_memory;
    struct wire_ring *ring = &wire->ring[place / 16 % ARENA_RINGS];
    struct wire_process *process = &wire->process[place / 16 % ARENA_SLOTS];
    switch (place % 16) {
    case 0:
        return (uint64_t *)process + index % (sizeof *process / 8);
    case 1:
        return (uint64_t *)ring + index % (sizeof *ring / 8);
    case 2:
        return (uint64_t *)wire + index % (offsetof(struct wire_arena, chunk_map) / 8);
    case 3:
        return in_chunk(CHUNK_FRAMES + place / 16 % ARENA_SLOTS, index);
    case 4:
        return in_chunk(CHUNK_NODES + place / 16 % ARENA_SLOTS, index);
    case 5:
        return in_chunk(CHUNK_NOTES + place / 16 % ARENA_SLOTS, index % 64);
    case 6:
        return (uint64_t *)&ring->head;
    case 7:
        return (uint64_t *)wire + index % (ARENA_SIZE / 8);
    default:
        return in_chunk(CHUNK_WORDS + CHUNKS_A_RING * (place / 16 % ARENA_RINGS), index % 512);
    }
}

/* What the writer's thread reads. */
static void read_all(void)
{
    for (uint32_t i = 0; i < WIRE_PROCESSES && i < arena_processes(arena) && i < 16; i++) {
        struct arena_slot *slot = arena_slot(arena, i);
        struct arena_notes notes = {0};
        struct arena_death death;
        volatile uint64_t sum = 0;
        if (!slot)
            continue;
        for (const struct wire_note *note; (note = arena_next_note(slot, &notes));)
            for (uint32_t k = 0; k < note->size; k++)
                sum += ((const unsigned char *)note)[k];
        arena_notes_close(&notes);
        for (uint32_t number = 1; number && number < UINT32_MAX / 3; number *= 3)
            sum += arena_frame(slot, number).value + arena_node(slot, number);
        for (uint32_t number = 0; number < 300; number++)
            sum += arena_frame(slot, number).value + arena_node(slot, number);
        arena_death(slot, &death);
    }
}

static void end(struct tracker *tracker)
{
    for (uint32_t i = 0; i < tracker->process_count; i++) {
        struct tracked_process *process = tracker_process(tracker, i);
        if (process->slot) {
            sweep_last(tracker, process);
            arena_release(process->slot);
        }
        if (process->pidfd >= 0)
            close(process->pidfd);
        blocks_close(&process->blocks);
        grow_free(&process->site_of_node);
        grow_free(&process->active);
        free(process->further);
        free(process);
    }
    for (uint32_t i = 0; i < WIRE_RINGS; i++)
        free(tracker->rings[i]);
    for (uint32_t i = 1; i <= tracker->ledger.count; i++) {
        free(ledger_site(&tracker->ledger, i)->sizes);
        free(ledger_site(&tracker->ledger, i)->lifetimes);
    }
    struct grow *arrays[] = {&tracker->ledger.sites, &tracker->ledger.written,  &tracker->processes,
                             &tracker->threads,      &tracker->marks,           &tracker->points,
                             &tracker->samples.rows, &tracker->samples.sampled, &tracker->events};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        grow_free(arrays[i]);
    free(tracker->site_of_thread.entries);
    free(tracker);
    free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct tracker *tracker = size ? calloc(1, sizeof *tracker) : NULL;
    struct record record;
    if (!tracker)
        return 0;
    begin(data[0], tracker);
    for (size_t at = 1; at + sizeof record <= size; at += sizeof record) {
        uint64_t value;
        memcpy(&record, data + at, sizeof record);
        memcpy(&value, record.value, sizeof value);
        uint32_t index = record.index[0] | record.index[1] << 8 | (uint32_t)record.index[2] << 16;
        *place_of(record.place, index) = value;
        if (record.place % 16 == 6) {
            sweep_all(tracker);
            read_all();
        }
    }
    sweep_all(tracker);
    read_all();
    end(tracker);
    return 0;
}
