/* locked.h - programs that keep their memory locked (mlockall): ours is not to count against their limit. */
#ifndef LIBTRACE_LOCKED_H
#define LIBTRACE_LOCKED_H

/* Ours in the place of mlockall(). */
int locked_all(int flags) __asm__("mlockall");

#endif
