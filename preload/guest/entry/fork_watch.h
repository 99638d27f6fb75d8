/* fork_watch.h - what an attached program executes becomes part of its run: by its environment, as where a
 * program was traced from its start. */
#ifndef LIBTRACE_CHILDREN_H
#define LIBTRACE_CHILDREN_H

/* Puts libtrace.so into LD_PRELOAD, and a LIBTRACE_SESSION that trace-attach fills in, see libtrace_children.
 * Where that cannot be done, children are not traced. Allocates as setenv() does: only called by
 * trace-attach, on a thread that is stopped where it holds no lock of the allocator or the environment. */
void children_on(void);

/* Takes both out again, and puts back what was there before. */
void children_off(void);

#endif
