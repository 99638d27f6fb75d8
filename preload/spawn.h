/* spawn.h - starting the collector from inside a program that must not notice. */
#ifndef LIBTRACE_SPAWN_H
#define LIBTRACE_SPAWN_H

/* Starts arguments[0] as nobody's child: it never shows in the program's waits, sends no SIGCHLD, and
 * outlives the program. Descriptor and other (-1 = none) stay open in it, LD_PRELOAD and our session variable
 * are taken out of its environment. Returns 0 and its process number, or an errno code. */
int spawn_collector(char *const *arguments, int descriptor, int other, int *pid);

#endif
