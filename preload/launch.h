/* launch.h - the collector of a new run: where it is, and what it is told. */
#ifndef LIBTRACE_LAUNCH_H
#define LIBTRACE_LAUNCH_H

struct settings;

struct launch {
    int memory;         /* the arena's descriptor */
    int self;           /* a pidfd of this process; -1 = none */
    int door;           /* see door.h; -1 = none */
    int pid;            /* the collector's, or 0 */
    const char *detail; /* to add to the sentence that says why not */
};

/* Starts it with what memory, self and door say. NULL, or a sentence that says why not. */
const char *launch_collector(const struct settings *settings, struct launch *launch);

#endif
