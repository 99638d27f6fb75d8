/* follow.h - what an attached program executes becomes part of its run: by its environment, as where a
 * program was traced from its start. */
#ifndef LIBTRACE_FOLLOW_H
#define LIBTRACE_FOLLOW_H

/* Puts libtrace.so into LD_PRELOAD, and a LIBTRACE_SESSION that trace-attach fills in, see libtrace_children.
 * Where that cannot be done, children are not traced. Allocates as setenv() does: only called by
 * trace-attach, on a thread that is stopped where it holds no lock of the allocator or the environment. */
void follow_children(void);

/* Takes both out again, and puts back what was there before. */
void unfollow_children(void);

#endif
