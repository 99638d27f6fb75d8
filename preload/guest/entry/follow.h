/* follow.h - makes programs that an attached program executes part of its run: through their environment,
 * as for a program that was traced from its start. */
#ifndef LIBTRACE_FOLLOW_H
#define LIBTRACE_FOLLOW_H

/* Puts libtrace.so into LD_PRELOAD, and adds a LIBTRACE_SESSION that trace-attach fills in, see
 * libtrace_children. If that is not possible, children are not traced. Allocates, as setenv() does: so
 * only trace-attach may call it, on a thread that was stopped where it holds no lock of the allocator or
 * the environment. */
void follow_children(void);

/* Removes both, and restores what was there before. */
void unfollow_children(void);

#endif
