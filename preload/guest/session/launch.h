/* launch.h - the collector of a new run: where it is, and what it is told. */
#ifndef LIBTRACE_LAUNCH_H
#define LIBTRACE_LAUNCH_H

#include <stdint.h>

struct settings;

struct launch {
    int memory;         /* the arena's descriptor */
    int self;           /* a pidfd of this process; -1 = none */
    int door;           /* see door.h; -1 = none */
    int pid;            /* the collector's, or 0 */
    const char *detail; /* to add to the sentence that says why not */
};

/* Where the run will be written to, as a part of its door's name; 0 = not known. */
uint32_t launch_place(void);

/* Starts it with what memory, self and door say. NULL, or a sentence that says why not. */
const char *launch_collector(const struct settings *settings, struct launch *launch);

#endif
