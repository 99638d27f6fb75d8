/* options.h - the collector's command line, see collector.h. */
#ifndef LIBTRACE_OPTIONS_H
#define LIBTRACE_OPTIONS_H

#include <stdbool.h>
#include <stdint.h>

struct options {
    int memory;           /* the arena's descriptor */
    int first;            /* pidfd of the run's first process; 0 = none */
    int report;           /* where to report how the start went; 0 = nowhere */
    int door;             /* the socket that sends the arena to processes; 0 = none yet */
    int rows;             /* trace-parser: the socket that leads to the database; 0 = none */
    const char *database; /* absolute path */
    bool follow;          /* forked processes are part of the run */
    bool threads;         /* each thread has sites of its own */
    bool events;          /* every event is logged */
    bool blocks;          /* blocks that are live at the end are written, too */
    unsigned sample;      /* bytes between samples; 0 = every block is recorded */
    uint64_t keep_ns;     /* what is older is thinned, */
    uint64_t most_bytes;  /* and as much as it takes to keep the file below this; 0 = not said */
    uint64_t rotate_ns;   /* the past is put into a file of its own this often; 0 = never */
    uint64_t rotations;   /* such files that are kept */
    bool types;           /* it is looked at what live blocks are */
};

/* False if these are not the arguments that a library of this version passes. */
bool options_parse(struct options *options, int argc, char **argv);

#endif
