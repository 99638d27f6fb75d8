/* confine.h - programs that lock themselves into seccomp. What a filter does to a system call that it does
 * not know of nobody can tell beforehand: many kill. So once a program has entered, the library makes none
 * any more, in no thread and no child: see guest_confined. What it may need is mapped before. */
#ifndef LIBTRACE_CONFINE_H
#define LIBTRACE_CONFINE_H

/* The program is about to enter; and has not after all. */
void confine_begin(void);
void confine_undo(void);

/* Ours in the place of prctl() and syscall(). */
long confine_syscall(long number, long a, long b, long c, long d, long e, long f) __asm__("syscall");
int confine_prctl(int option, unsigned long a, unsigned long b, unsigned long c,
                  unsigned long d) __asm__("prctl");

#endif
