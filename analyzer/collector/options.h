/* options.h - what the collector was told by argument; see collector.h. */
#ifndef LIBTRACE_OPTIONS_H
#define LIBTRACE_OPTIONS_H

#include <stdbool.h>

struct options {
    int memory;           /* the arena's descriptor */
    int first;            /* pidfd of the run's first process; 0 = none */
    int report;           /* where to tell how the start went; 0 = nowhere */
    int door;             /* the socket that processes get the arena through; 0 = none yet */
    int rows;             /* trace-parser: the socket that the database is at the end of; 0 = none */
    const char *database; /* absolute path */
    bool follow;          /* forked processes are part of the run */
    bool threads;         /* each thread has sites of its own */
    bool events;          /* every event is logged */
    bool blocks;          /* the blocks that live at the end are written, too */
};

/* False if these are not the arguments of a library of this version. */
bool options_parse(struct options *options, int argc, char **argv);

#endif
