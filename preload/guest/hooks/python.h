/* python.h - recording Python objects of a CPython inside the traced process.
 *
 *   interpreter.c  finds the interpreter and its layout (offsets.c)
 *   domains.c      replaces the object and memory allocators, so that blocks are recorded as they were asked for
 *   recycle.c      3.13+: objects from a free list are moved to the line that takes them
 *   frames.c       reads the calling thread's Python stack, and finds its node
 *   codes.c        describes each code object once
 *   objects.c      finds which type each new object has
 *   gils.c         keeps apart the objects of interpreters that have a lock each
 *   types.c        describes each type once
 *   finalize.c     notices when the interpreter begins to shut down
 *   hybrid.c       LIBTRACE_STACK=both: Python's frames in place of the interpreter's own (eval.c)
 *
 * The interpreter is only read: no reference is taken, and no function of it is called that could
 * allocate, wait for the GIL or raise. All functions keep errno, and may be called without the GIL.
 */
#ifndef LIBTRACE_PYTHON_H
#define LIBTRACE_PYTHON_H

#include "interpreter.h"
#include "thread.h"

/* Looks for an interpreter, and replaces its allocators. Called at the start, and whenever modules were
 * loaded. */
void python_look(void);

/* For a program that was attached to: has the interpreter use our allocators, or its own again, as soon as
 * it can. As its threads are running, this is left to a pending call of the interpreter. */
void python_attach(void);
void python_detach(void);

/* The node of the calling thread's stack, as LIBTRACE_STACK wants it; 0 if the thread runs no Python code
 * (then the native stack counts). frame: as for unwind_stack(). t must be entered. */
uint32_t python_stack(struct thread *t, const void *frame);

#endif
