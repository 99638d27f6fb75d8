/* locked.h - programs that lock their memory (mlockall): ours must not count against their limit. */
#ifndef LIBTRACE_LOCKED_H
#define LIBTRACE_LOCKED_H

/* Our function that replaces mlockall(). */
int locked_all(int flags) __asm__("mlockall");

#endif
