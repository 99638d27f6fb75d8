/* launch.h - the collector of a new run: where it is, and what it is told. */
#ifndef LIBTRACE_LAUNCH_H
#define LIBTRACE_LAUNCH_H

struct settings;

/* Starts it with the arena's descriptor memory and the pidfd self (-1 = none). NULL and its process number,
 * or a sentence that says why not, with a detail to add to it. */
const char *launch_collector(const struct settings *settings, int memory, int self, int *pid,
                             const char **detail);

#endif
