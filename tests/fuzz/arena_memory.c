/* arena_memory.c - see arena_memory.h. */
#define _GNU_SOURCE
#include "arena_memory.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct wire_arena *arena_memory;
static int memory;

static void map(void)
{
    memory = memfd_create("fuzz", MFD_CLOEXEC);
    if (memory < 0 || ftruncate(memory, ARENA_SIZE) != 0)
        abort();
    arena_memory = mmap(NULL, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, memory, 0);
    if (arena_memory == MAP_FAILED)
        abort();
}

uint64_t *arena_memory_chunk(unsigned chunk)
{
    return (uint64_t *)((char *)arena_memory + (WIRE_FIRST_CHUNK + chunk) * WIRE_CHUNK_SIZE);
}

struct arena *arena_memory_new(void)
{
    struct arena *arena = calloc(1, sizeof *arena);
    if (!arena_memory)
        map();
    if (!arena)
        abort();
    fallocate(memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, ARENA_SIZE);
    arena_memory->processes = ARENA_SLOTS;
    arena_memory->rings = ARENA_RINGS;
    for (unsigned i = 0; i < ARENA_SLOTS; i++) {
        struct wire_process *process = &arena_memory->process[i];
        struct wire_ring *ring = &arena_memory->ring[i];
        process->pid = getpid();
        process->state = WIRE_PROCESS_LIVE;
        process->frame_segment[0] = (WIRE_FIRST_CHUNK + CHUNK_FRAMES + i) * WIRE_CHUNK_SIZE;
        process->node_segment[0] = (WIRE_FIRST_CHUNK + CHUNK_NODES + i) * WIRE_CHUNK_SIZE;
        process->note_segment[0] = (WIRE_FIRST_CHUNK + CHUNK_NOTES + i) * WIRE_CHUNK_SIZE;
        ring->process = i < 2 ? 0 : 1;
        ring->buffer = (WIRE_FIRST_CHUNK + CHUNK_WORDS + CHUNKS_A_RING * i) * WIRE_CHUNK_SIZE;
        ring->state = WIRE_RING_BUSY;
    }
    arena_adopt(arena, arena_memory, ARENA_SIZE, memory);
    return arena;
}
