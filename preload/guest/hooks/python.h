/* python.h - CPython inside the traced process, as the recorder sees it.
 *
 *   interpreter.c  finds the interpreter and its layout (offsets.c)
 *   domains.c      stands in for the object and memory allocators, so that blocks count as asked for
 *   recycle.c      3.13+: objects that come from a free list move to the line that takes them
 *   frames.c       reads the calling thread's Python stack and names it by a node
 *   codes.c        describes each code object once
 *   finalize.c     sees when the interpreter begins to tear itself down
 *   hybrid.c       LIBTRACE_STACK=both: Python's frames in the places of the interpreter's own (eval.c)
 *
 * The interpreter is only ever read: no reference is taken, nothing of it is called that could allocate, wait
 * for the GIL or raise. All functions keep errno and may be called without the GIL.
 */
#ifndef LIBTRACE_PYTHON_H
#define LIBTRACE_PYTHON_H

#include "interpreter.h"
#include "thread.h"

/* Looks for an interpreter and takes its allocators over. At the start, and whenever modules were loaded. */
void python_look(void);

/* In a program that was attached to: has the interpreter take our allocators, or give them back, as soon as
 * it can. Its threads are in the midst of their work then, so this is left to a pending call of its own. */
void python_attach(void);
void python_detach(void);

/* The node of the calling thread's stack as LIBTRACE_STACK wants it, or 0 where the thread runs no Python
 * code (then the native stack counts). frame: as for unwind_stack(). t is the caller's, entered. */
uint32_t python_stack(struct thread *t, const void *frame);

#endif
