/* collector.h - how trace-collector is started.
 *
 *   trace-collector MEMORY FIRST REPORT DOOR DATABASE [SETTING...]
 *
 *   MEMORY    descriptor of the arena (wire.h)
 *   FIRST     pidfd of the run's first process, which may die before the collector has looked for it; 0 = none
 *   REPORT    descriptor of a pipe, 0 = none: one line goes into it once the database is open, empty if all is
 *             well, else why nothing is recorded; its end without a line means that the collector has died
 *   DOOR      the socket that processes get the arena through (wire_door.h); 0 = the collector makes it
 *   DATABASE  absolute path
 *   SETTING   a word of those below, for what is on
 *
 * Two programs take its place where the program is another user's than trace-attach's:
 *
 *   trace-parser MEMORY FIRST REPORT DOOR /dev/fd/ROWS [SETTING...]
 *
 *             is the collector without a database, as that user and without any right besides: it reads what the
 *             program wrote, and sends rows into the socket ROWS (analyzer/rows)
 *
 *   trace-collector --store DATABASE
 *
 *             takes them, checked, and writes them. Its descriptors are 3, the socket; 4, the parser's pidfd; 5, as
 *             REPORT, with a second line where the run comes to no right end
 *
 * All that the collector has to trust it is given this way: the arena can be written to by the programs that
 * are traced, which may be somebody else's.
 */
#ifndef LIBTRACE_COLLECTOR_H
#define LIBTRACE_COLLECTOR_H

#define COLLECTOR_FOLLOW "follow"        /* forked processes belong to the run */
#define COLLECTOR_THREADS "threads"      /* LIBTRACE_THREADS=1: each thread has its own sites */
#define COLLECTOR_EVENTS "events"        /* LIBTRACE_EVENTS=1: every event is logged */
#define COLLECTOR_BLOCKS "blocks"        /* LIBTRACE_BLOCKS=1: live blocks at the end are written, too */
#define COLLECTOR_TYPES "types"          /* not LIBTRACE_TYPES=0: it is looked at what live blocks are */
#define COLLECTOR_SAMPLE "sample="       /* LIBTRACE_SAMPLE; its bytes follow, in decimal */
#define COLLECTOR_KEEP "keep="           /* LIBTRACE_KEEP; nanoseconds */
#define COLLECTOR_MOST "most="           /* LIBTRACE_MAX_SIZE; bytes */
#define COLLECTOR_ROTATE "rotate="       /* LIBTRACE_ROTATE; nanoseconds, and */
#define COLLECTOR_ROTATIONS "rotations=" /* how many files are kept */

#define COLLECTOR_FIXED 6     /* arguments before the settings, including the program's name */
#define COLLECTOR_SETTINGS 10 /* the number of settings */
/* Most arguments, including the NULL. */
#define COLLECTOR_ARGUMENTS (COLLECTOR_FIXED + COLLECTOR_SETTINGS + 1)

/* The value of a queued SIGUSR1, which asks for what is new, including where the resident bytes are now. */
#define COLLECTOR_ASK_PAGES 1

#define COLLECTOR_STORE "--store"
#define COLLECTOR_STORE_FIRST 3 /* the first of its descriptors */
#define COLLECTOR_STORE_ARGUMENTS 3

#endif
