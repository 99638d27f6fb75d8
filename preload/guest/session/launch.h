/* launch.h - starts the collector of a new run. */
#ifndef LIBTRACE_LAUNCH_H
#define LIBTRACE_LAUNCH_H

#include <stdint.h>

struct settings;

struct launch {
    int memory;         /* the arena's descriptor */
    int self;           /* a pidfd of this process; -1 = none */
    int door;           /* see door.h; -1 = none */
    int pid;            /* PID of the collector, or 0 */
    const char *detail; /* appended to the sentence that says why it failed */
};

/* A hash of the database's place, for the door's name; 0 = not known. */
uint32_t launch_place(void);

/* Starts it with launch's memory, self and door. Returns NULL, or a sentence that says why that failed. */
const char *launch_collector(const struct settings *settings, struct launch *launch);

#endif
