/* stacks.h - frames and stacks as small numbers, in the arena (wire.h draws the layout).
 *
 * Lock-free, for any number of threads and signal handlers. Both return 0 when the arena is full, which
 * is a valid frame ("unknown") and a valid node ("no stack").
 */
#ifndef LIBTRACE_STACKS_H
#define LIBTRACE_STACKS_H

#include "../arena.h"
#include "../guest.h"
#include "../session.h"

/* A new number for a frame; the caller remembers it. */
uint32_t stacks_frame(enum wire_frame_kind kind, uint64_t value, uint32_t owner);

/* The value of a frame: its return address, or its instruction. */
uint64_t stacks_frame_value(uint32_t frame);

/* node -> parent node << 32 | frame; 0 if there is no such node. */
uint64_t stacks_node(uint32_t node);

uint32_t stacks_child_slow(uint64_t key, uint64_t hash);

/* Places in a node segment come in lines of 8 (64 bytes, one cache line); a key may be in the one line that
 * its hash selects in each segment. Early segments are small, so hot stacks, found early, stay in few lines.
 */
#define STACKS_LINE 8u

static inline uint64_t stacks_hash(uint64_t key)
{
    key *= 0x9e3779b97f4a7c15ull; /* Fibonacci hashing; the high bits are the good ones */
    return key ^ key >> 32;
}

static inline uint64_t *stacks_line(uint64_t segment, unsigned k, uint64_t hash)
{
    uint64_t lines = (uint64_t)(WIRE_NODES_FIRST / STACKS_LINE) << (2 * k);
    return (uint64_t *)arena_at(segment) + (hash & (lines - 1)) * STACKS_LINE;
}

/* The node of this frame below this parent. */
INLINE uint32_t stacks_child(uint32_t parent, uint32_t frame)
{
    uint64_t key = (uint64_t)parent << 32 | frame, hash = stacks_hash(key);
    uint64_t segment = atomic_load_explicit(&process->node_segment[0], memory_order_relaxed);
    if (LIKELY(segment)) {
        const uint64_t *line = stacks_line(segment, 0, hash);
        for (unsigned i = 0; i < STACKS_LINE; i++)
            if (__atomic_load_n(&line[i], __ATOMIC_RELAXED) == key)
                return WIRE_NODE_BASE(0) + (uint32_t)(line + i - (uint64_t *)arena_at(segment));
    }
    return stacks_child_slow(key, hash);
}

#endif
