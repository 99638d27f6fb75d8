/* shortage.h - what the files of shortage.so share: a library to be preloaded into the collector or trace-report, in which
 * one thing fails, the n-th of its kind.
 *
 *   SHORTAGE="KIND N REPORT [FIRST]"
 *
 *   malloc   malloc(), calloc(), realloc()      mallocs  the same, and all that follow
 *   ioerr    operations of SQLite on files      full     writes: there is no space
 *   busy     locks: another program has them    short    reads and writes: half of it is done
 *   power    writes and syncs: the machine stops right before; what was not synced is lost, or some of it (the process is
 *            killed)
 *   none     nothing
 *
 * What fails, and its number, is a line appended to the file REPORT; at the end of the process a line "all N" follows.
 *
 * If N is 0, each from FIRST on fails in a child of its own, forked right then, and none in the process itself: that takes a
 * sixth of what starting a process for each does. Stdout and stderr must be files, of which nothing is kept that a child has
 * written. A child that does not end with status 1 and one line on stderr is said, "unlike N": that one is to be looked at by
 * itself.
 */
#ifndef LIBTRACE_TESTS_SHORTAGE_H
#define LIBTRACE_TESTS_SHORTAGE_H

#include <stdbool.h>

enum shortage {
    SHORT_NONE,
    SHORT_MALLOC,
    SHORT_MALLOCS,
    SHORT_IOERR,
    SHORT_FULL,
    SHORT_BUSY,
    SHORT_SHORT,
    SHORT_POWER
};

extern enum shortage shortage_kind;

/* Counts one more of a kind; true = it is to fail. what: for the report. */
bool shortage_now(enum shortage kind, const char *what);

#endif
