/* stacks.h - frames and stacks as small numbers, in the arena (wire.h draws the layout).
 *
 * Nodes are numbered as they are made, those of one stack in a row: where a stack goes on as the first one
 * did that came here, the child of a node is the next node, and so is the next word in memory. The children
 * that are elsewhere are found by children.h.
 *
 * Lock-free, for any number of threads and signal handlers. Both return 0 when the arena is full, which
 * is a valid frame ("unknown") and a valid node ("no stack").
 */
#ifndef LIBTRACE_STACKS_H
#define LIBTRACE_STACKS_H

#include "arena.h"
#include "guest.h"
#include "process.h"

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
    uint32_t left; /* frames that are still to come, at most */
    uint32_t next; /* the node that the next frame gets; 0 = as far as here all nodes were there */
    bool lost;     /* there was no room: the stack has no node */
};

/* One frame further: the node of this frame below the way's, which is the way's then; made if it is new. */
uint32_t stacks_step(struct stacks_way *way, uint32_t frame);

INLINE uint32_t stacks_child(uint32_t parent, uint32_t frame)
{
    struct stacks_way way = {.node = parent, .left = 1};
    return stacks_step(&way, frame);
}

/* The slot is another one, after fork, or none any more. close: nobody is looking at the windows on the
 * segments of the old one. */
void stacks_forget(bool close);

#endif
