/* stacks.h - frames and stacks as small numbers, in the arena (wire.h draws the layout).
 *
 * Nodes are numbered as they are made, those of a stack in a row. So the first child of a node is mostly the
 * next node, which is the next word in memory. Other children are found by children.h.
 *
 * Lock-free, for any number of threads and signal handlers. When the arena is full both return 0, which is a
 * valid frame ("unknown") and a valid node ("no stack").
 */
#ifndef LIBTRACE_STACKS_H
#define LIBTRACE_STACKS_H

#include "arena.h"
#include "guest.h"
#include "process.h"

#include <stdbool.h>

/* A new number for a frame; the caller remembers it. */
uint32_t stacks_frame(enum wire_frame_kind kind, uint64_t value, uint32_t owner);

/* The value of a frame: a return address, or an instruction's offset. */
uint64_t stacks_frame_value(uint32_t frame);

/* node -> parent node << 32 | frame; 0 if there is no such node. */
uint64_t stacks_node(uint32_t node);

/* The state of a way from a stack's outermost frame to its innermost. */
struct stacks_way {
    uint32_t node;
    uint32_t left; /* frames still to come, at most */
    uint32_t next; /* the number for the next new node; 0 = all nodes so far existed already */
    bool lost;     /* there was no room: the stack gets no node */
};

/* Goes one frame inwards: to the child of the current node with this frame, which is created if it is new. */
uint32_t stacks_step(struct stacks_way *way, uint32_t frame);

INLINE uint32_t stacks_child(uint32_t parent, uint32_t frame)
{
    struct stacks_way way = {.node = parent, .left = 1};
    return stacks_step(&way, frame);
}

/* To be called when the process gets another slot, after fork, or has none any more. close: no thread is
 * using the mappings of the old slot's segments, which may be unmapped. */
void stacks_forget(bool close);

#endif
