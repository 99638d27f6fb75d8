/* memory.c - see arena_reader.h. */
#define _GNU_SOURCE
#include "arena_reader.h"
#include "wire_check.h"

#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>

void arena_adopt(struct arena *arena, struct wire_arena *wire, size_t size, int memory)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    uint64_t now_ns = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    arena->wire = wire;
    arena->size = size;
    arena->memory = memory;
    arena->started_real = wire->started_real;
    arena->started_ns = wire->started_ns;
    arena->stamp_shift = wire->stamp_shift % 64;
    arena->door_name = wire->door_name;
    arena->door_key = wire->door_key;
    if (arena->started_ns > now_ns)
        arena->started_ns = now_ns;
    for (uint32_t i = 0; i < WIRE_PROCESSES; i++) {
        arena->slot[i].arena = arena;
        arena->slot[i].number = i;
    }
}

bool arena_open(struct arena *arena, int memory)
{
    uint64_t size;
    if (!wire_check(memory, &size))
        return false;
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_NORESERVE, memory, 0);
    if (at == MAP_FAILED)
        return false;
    arena_adopt(arena, at, size, memory);
    return true;
}

/* The kernel seals a file against writing only if nobody, including us, has a writable shared mapping of
 * it. So our mapping is first replaced by a private one with the same contents. Only its header is made
 * writable: with strict overcommit, the system would not promise us private memory for all of it. */
bool arena_held_by_others(struct arena *arena)
{
    const int flags = MAP_FIXED | MAP_NORESERVE;
    if (mmap(arena->wire, arena->size, PROT_READ, MAP_PRIVATE | flags, arena->memory, 0) == MAP_FAILED)
        return false;
    bool ours =
        mprotect(arena->wire, wire_first_chunk(arena->size) * WIRE_CHUNK_SIZE, PROT_READ | PROT_WRITE) == 0 &&
        fcntl(arena->memory, F_ADD_SEALS, F_SEAL_WRITE) == 0;
    if (ours)
        return false;
    bool mapped = errno == EBUSY;
    /* Sharing it again fails if somebody has sealed it meanwhile (F_SEAL_FUTURE_WRITE): then the run ends
     * here. */
    return mmap(arena->wire, arena->size, PROT_READ | PROT_WRITE, MAP_SHARED | flags, arena->memory, 0) !=
               MAP_FAILED &&
           mapped;
}

/* ---- owners of chunks -------------------------------------------------------------------------- */

bool arena_own(struct arena *arena, uint64_t offset, uint64_t size, uint32_t owner)
{
    if (offset % WIRE_CHUNK_SIZE || offset < wire_first_chunk(arena->size) * WIRE_CHUNK_SIZE ||
        size > arena->size || offset > arena->size - size)
        return false;
    assert(size > 0 && owner > 0 && owner <= WIRE_PROCESSES + WIRE_RINGS);
    uint64_t first = offset >> WIRE_CHUNK_SHIFT, end = first + ((size - 1) >> WIRE_CHUNK_SHIFT) + 1;
    uint64_t chunk = first;
    for (; chunk < end; chunk++) {
        uint32_t nobody = 0;
        if (!atomic_compare_exchange_strong(&arena->owner[chunk], &nobody, owner) && nobody != owner)
            break;
    }
    if (chunk == end)
        return true;
    while (chunk-- > first)
        atomic_store(&arena->owner[chunk], 0);
    return false;
}

static _Atomic uint64_t *checked(struct arena_slot *slot, enum arena_kind kind, unsigned k)
{
    return &slot->arena->segment[slot->number][kind][k];
}

static _Atomic uint64_t *shared_segments(const struct arena_slot *slot, enum arena_kind kind, unsigned *count,
                                         uint64_t *first)
{
    struct wire_process *process = &slot->arena->wire->process[slot->number];
    switch (kind) {
    case ARENA_FRAMES:
        *count = WIRE_FRAME_SEGMENTS;
        *first = WIRE_FRAMES_FIRST * sizeof(struct wire_frame);
        return process->frame_segment;
    case ARENA_NODES:
        *count = WIRE_NODE_SEGMENTS;
        *first = WIRE_NODES_FIRST * sizeof(uint64_t);
        return process->node_segment;
    default:
        *count = WIRE_NOTE_SEGMENTS;
        *first = WIRE_CHUNK_SIZE;
        return process->note_segment;
    }
}

/* Checks the offset of a segment; if it is possible, it is used from now on. */
static uint64_t check_segment(struct arena_slot *slot, enum arena_kind kind, unsigned k)
{
    unsigned count;
    uint64_t first;
    _Atomic uint64_t *shared = shared_segments(slot, kind, &count, &first);
    uint64_t offset = k < count ? atomic_load_explicit(&shared[k], memory_order_acquire) : 0;
    if (!offset)
        return 0;
    if (!arena_own(slot->arena, offset, first << k, slot->number + 1)) {
        arena_damage(slot);
        return 0;
    }
    atomic_store(checked(slot, kind, k), offset);
    return offset;
}

const void *arena_segment(struct arena_slot *slot, enum arena_kind kind, unsigned k)
{
    if (k >= ARENA_SEGMENTS)
        return NULL;
    uint64_t offset = atomic_load_explicit(checked(slot, kind, k), memory_order_acquire);
    if (__builtin_expect(!offset, 0))
        offset = check_segment(slot, kind, k);
    return offset ? (const char *)slot->arena->wire + offset : NULL;
}

/* ---- returning memory -------------------------------------------------------------------------- */

void arena_punch(struct arena *arena, uint64_t offset, uint64_t size)
{
    if (fallocate(arena->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)offset, (off_t)size) != 0)
        memset((char *)arena->wire + offset, 0, size);
}

uint64_t arena_resident(const struct arena *arena)
{
    struct stat status;
    return fstat(arena->memory, &status) == 0 ? (uint64_t)status.st_blocks * 512 : 0;
}

void arena_abandon(struct arena *arena)
{
    const uint64_t first = wire_first_chunk(arena->size) * WIRE_CHUNK_SIZE;
    fallocate(arena->memory, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, (off_t)first,
              (off_t)(arena->size - first));
}

static void release_segment(struct arena_slot *slot, enum arena_kind kind, unsigned k, uint64_t size)
{
    struct arena *arena = slot->arena;
    uint64_t offset = atomic_load(checked(slot, kind, k));
    if (!offset && !(offset = check_segment(slot, kind, k)))
        return;
    arena_punch(arena, offset, size);
    atomic_store(checked(slot, kind, k), 0);
    uint64_t chunk = offset >> WIRE_CHUNK_SHIFT, end = chunk + ((size - 1) >> WIRE_CHUNK_SHIFT);
    for (; chunk <= end; chunk++) {
        assert(atomic_load(&arena->owner[chunk]) == slot->number + 1);
        atomic_store(&arena->owner[chunk], 0);
        atomic_fetch_and(&arena->wire->chunk_map[chunk / 64], ~(1ull << chunk % 64));
    }
}

void arena_release(struct arena_slot *slot)
{
    struct wire_process *process = &slot->arena->wire->process[slot->number];
    for (int kind = 0; kind < ARENA_KINDS; kind++) {
        unsigned count;
        uint64_t first;
        shared_segments(slot, (enum arena_kind)kind, &count, &first);
        for (unsigned k = 0; k < count; k++)
            release_segment(slot, (enum arena_kind)kind, k, first << k);
    }
    memset((char *)process + sizeof process->state, 0, sizeof *process - sizeof process->state);
    atomic_store(&slot->damage, 0);
    atomic_store(&process->state, WIRE_PROCESS_FREE);
}
