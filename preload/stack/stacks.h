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

/* The node of this frame below this parent, made if it is new. */
uint32_t stacks_child(uint32_t parent, uint32_t frame);

/* The slot is another one, after fork, or none any more. close: nobody is looking at the windows on the
 * segments of the old one. */
void stacks_forget(bool close);

/* Places in a node segment come in lines of 8 (64 bytes, one cache line); a key is in the one line that its
 * hash selects in the first segment where that had a free place: all but the last get full, so numbers are
 * dense. */
#define STACKS_LINE 8u

static inline uint64_t stacks_hash(uint64_t key)
{
    key *= 0x9e3779b97f4a7c15ull; /* Fibonacci hashing; the high bits are the good ones */
    return key ^ key >> 32;
}

#endif
