/* spawn.h - starting the collector from inside a program that must not notice. */
#ifndef LIBTRACE_SPAWN_H
#define LIBTRACE_SPAWN_H

#define SPAWN_KEPT 3 /* descriptors */

/* Starts arguments[0] as nobody's child: it never shows in the program's waits, sends no SIGCHLD, and
 * outlives the program. The descriptors kept (-1 = none, but for the first) stay open in it, LD_PRELOAD and our
 * session variable are taken out of its environment. Returns 0 and its process number, or an errno code. */
int spawn_collector(char *const *arguments, const int kept[SPAWN_KEPT], int *pid);

#endif
