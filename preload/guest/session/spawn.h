/* spawn.h - starts the collector from inside a program, which must not notice it. */
#ifndef LIBTRACE_SPAWN_H
#define LIBTRACE_SPAWN_H

#define SPAWN_KEPT 3 /* descriptors */

/* Starts arguments[0] as a process that is not the program's child: the program's waits never see it, it
 * sends no SIGCHLD, and outlives the program. The descriptors in kept (-1 = none, except for the first)
 * stay open in it; LD_PRELOAD and our session variable are removed from its environment. Returns 0 and
 * sets *pid, or an errno code. */
int spawn_collector(char *const *arguments, const int kept[SPAWN_KEPT], int *pid);

#endif
