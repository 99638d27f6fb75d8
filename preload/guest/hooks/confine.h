/* confine.h - programs that enter seccomp. What a filter does about a system call that it does not expect
 * cannot be known beforehand: many kill the program. So once a program has entered, the library makes no
 * system calls any more, in any thread or child: see guest_confined. What it may need is mapped before. */
#ifndef LIBTRACE_CONFINE_H
#define LIBTRACE_CONFINE_H

/* The program is about to enter seccomp; it did not succeed. */
void confine_begin(void);
void confine_undo(void);

/* Our functions that replace prctl() and syscall(). */
long confine_syscall(long number, long a, long b, long c, long d, long e, long f) __asm__("syscall");
int confine_prctl(int option, unsigned long a, unsigned long b, unsigned long c,
                  unsigned long d) __asm__("prctl");

#endif
