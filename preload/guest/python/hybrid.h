/* hybrid.h - LIBTRACE_STACK=both: one stack of native and Python frames. */
#ifndef LIBTRACE_PYTHON_HYBRID_H
#define LIBTRACE_PYTHON_HYBRID_H

#include "frames.h"

/* The node of the hybrid stack; 0 if the thread runs no Python code. frame: hook_frame of unwind_stack(). */
uint32_t hybrid_node(struct thread *t, struct python_thread *mine, uintptr_t state, const void *frame);

/* After fork, nodes have other numbers. */
void hybrid_forked(void);

#endif
