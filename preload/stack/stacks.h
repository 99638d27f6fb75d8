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

#include <stdbool.h>

/* A new number for a frame; the caller remembers it. */
uint32_t stacks_frame(enum wire_frame_kind kind, uint64_t value, uint32_t owner);

/* The value of a frame: its return address, or its instruction. */
uint64_t stacks_frame_value(uint32_t frame);

/* node -> parent node << 32 | frame; 0 if there is no such node. */
uint64_t stacks_node(uint32_t node);

/* On the way from a stack's outermost frame to its innermost. */
struct stacks_way {
    uint32_t node;
    bool made; /* the node was made on this way: it has no children yet, and none is looked for */
};

/* One frame further: the node of this frame below the way's, which is the way's then; made if it is new. */
uint32_t stacks_step(struct stacks_way *way, uint32_t frame);

INLINE uint32_t stacks_child(uint32_t parent, uint32_t frame)
{
    struct stacks_way way = {parent, false};
    return stacks_step(&way, frame);
}

/* The slot is another one, after fork, or none any more. close: nobody is looking at the windows on the
 * segments of the old one. */
void stacks_forget(bool close);

/* Places in a node segment come in lines of 8 (64 bytes, one cache line); a key is in the one line that its
 * hash selects in the first open segment where that had a free place. Only the last two segments are open:
 * those before are nearly full, and nothing is added to them, so that a node that is known to be new looks at
 * two lines. */
#define STACKS_LINE 8u

static inline uint64_t stacks_hash(uint64_t key)
{
    key *= 0x9e3779b97f4a7c15ull; /* Fibonacci hashing; the high bits are the good ones */
    return key ^ key >> 32;
}

#endif
