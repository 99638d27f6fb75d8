/* stacks.c - see stacks.h. */
#include "stacks.h"

/* The offsets of this process's segments, where nobody else writes: what stands in its slot is for the
 * collector, and a wrong one there must not lead us to memory of the program's. */
static _Atomic uint64_t frame_segments[WIRE_FRAME_SEGMENTS], node_segments[WIRE_NODE_SEGMENTS];

void stacks_forget(void)
{
    for (unsigned k = 0; k < WIRE_FRAME_SEGMENTS; k++)
        atomic_store(&frame_segments[k], 0);
    for (unsigned k = 0; k < WIRE_NODE_SEGMENTS; k++)
        atomic_store(&node_segments[k], 0);
}

/* Claims a segment if nobody has yet, for us and for the collector; its offset, 0 when the arena is full. */
static NOINLINE uint64_t claim_segment(_Atomic uint64_t *own, _Atomic uint64_t *place, size_t size)
{
    uint64_t offset = 0;
    uint64_t fresh = arena_claim(size);
    if (fresh == 0)
        return 0;
    if (atomic_compare_exchange_strong(own, &offset, fresh))
        offset = fresh; /* else somebody was faster, and ours stays unused until the process ends */
    atomic_store(place, offset);
    return offset;
}

/* Frame numbers are 1 + index; segment k holds indices from FIRST * (2^k - 1). */
static unsigned frame_segment(uint32_t index, uint32_t *within)
{
    unsigned k = 31 - (unsigned)__builtin_clz(index / WIRE_FRAMES_FIRST + 1);
    *within = index - WIRE_FRAMES_FIRST * ((1u << k) - 1);
    return k;
}

static NOINLINE uint32_t frame_lost(void)
{
    atomic_fetch_add(&process->events_lost, 1);
    return 0;
}

uint32_t stacks_frame(enum wire_frame_kind kind, uint64_t value, uint32_t owner)
{
    uint32_t index = atomic_fetch_add(&process->frames, 1), within;
    unsigned k = frame_segment(index, &within);
    if (k >= WIRE_FRAME_SEGMENTS)
        return frame_lost();
    uint64_t segment = atomic_load_explicit(&frame_segments[k], memory_order_acquire);
    if (!segment)
        segment = claim_segment(&frame_segments[k], &process->frame_segment[k],
                                (sizeof(struct wire_frame) * WIRE_FRAMES_FIRST) << k);
    if (!segment)
        return frame_lost();
    struct wire_frame *frame = (struct wire_frame *)arena_at(segment) + within;
    frame->value = value;
    frame->owner = owner;
    atomic_store_explicit(&frame->kind, kind, memory_order_release);
    return index + 1;
}

uint64_t stacks_frame_value(uint32_t frame)
{
    uint32_t within;
    unsigned k = frame_segment(frame - 1, &within);
    uint64_t segment = k < WIRE_FRAME_SEGMENTS ? atomic_load(&frame_segments[k]) : 0;
    return frame && segment ? ((struct wire_frame *)arena_at(segment) + within)->value : 0;
}

uint64_t stacks_node(uint32_t node)
{
    unsigned k = wire_node_segment(node);
    uint64_t segment = node && k < WIRE_NODE_SEGMENTS ? atomic_load(&node_segments[k]) : 0;
    return segment ? ((uint64_t *)arena_at(segment))[node - WIRE_NODE_BASE(k)] : 0;
}

/* The place of a key in its line of a segment, 1 to STACKS_LINE; 0: not there. Without branches, as the place
 * cannot be foreseen. */
static inline unsigned find_in_line(const uint64_t *line, uint64_t key)
{
    unsigned place = 0;
#pragma GCC unroll 8
    for (unsigned i = 0; i < STACKS_LINE; i++)
        place |= __atomic_load_n(&line[i], __ATOMIC_RELAXED) == key ? i + 1 : 0;
    return place;
}

static inline uint64_t *line_of(uint64_t segment, unsigned k, uint64_t hash)
{
    uint64_t lines = (uint64_t)(WIRE_NODES_FIRST / STACKS_LINE) << k;
    return (uint64_t *)arena_at(segment) + (hash & (lines - 1)) * STACKS_LINE;
}

/* Puts the key into a free place of the line, if there is one; its place. */
static NOINLINE unsigned put_in_line(uint64_t *line, uint64_t key)
{
    for (unsigned i = 0; i < STACKS_LINE; i++) {
        uint64_t found = __atomic_load_n(&line[i], __ATOMIC_RELAXED);
        /* Places are filled in order, so that a free one means: nowhere further on. */
        if (found == 0 &&
            __atomic_compare_exchange_n(&line[i], &found, key, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
            return i + 1;
        if (found == key)
            return i + 1;
    }
    return 0;
}

uint32_t stacks_child(uint32_t parent, uint32_t frame)
{
    uint64_t key = (uint64_t)parent << 32 | frame, hash = stacks_hash(key);
    if (UNLIKELY(!key)) /* an outermost frame that is not known: 0 would be an empty place */
        return WIRE_NODE_ROOT;
    /* Their lines are fetched all at once: most are in no cache. */
    for (unsigned k = 1; k < WIRE_NODE_SEGMENTS; k++) {
        uint64_t segment = atomic_load_explicit(&node_segments[k], memory_order_acquire);
        if (!segment)
            break;
        __builtin_prefetch(line_of(segment, k, hash));
    }
    for (unsigned k = 0; k < WIRE_NODE_SEGMENTS; k++) {
        uint64_t segment = atomic_load_explicit(&node_segments[k], memory_order_acquire);
        if (UNLIKELY(!segment))
            segment = claim_segment(&node_segments[k], &process->node_segment[k],
                                    (sizeof(uint64_t) * WIRE_NODES_FIRST) << k);
        if (UNLIKELY(!segment))
            break;
        uint64_t *line = line_of(segment, k, hash);
        unsigned place = find_in_line(line, key);
        if (UNLIKELY(!place) && __atomic_load_n(&line[STACKS_LINE - 1], __ATOMIC_RELAXED) == 0)
            place = put_in_line(line, key);
        if (place)
            return WIRE_NODE_BASE(k) + (uint32_t)(line + place - 1 - (uint64_t *)arena_at(segment));
    }
    atomic_fetch_add(&process->events_lost, 1);
    return 0;
}
