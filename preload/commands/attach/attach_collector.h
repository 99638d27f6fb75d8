/* attach_collector.h - the collector of a run that trace-attach begins: ours, or where the program is another user's in
 * two processes, of which that user has one. */
#ifndef LIBTRACE_ATTACH_COLLECTOR_H
#define LIBTRACE_ATTACH_COLLECTOR_H

#include "attach_run.h"

/* Starts it, and waits for its word. On false it has been said why. database: absolute path. */
bool collector_start(struct run *run, const char *database);

/* False once it has ended; whether well, run->recorded says then. */
bool collector_runs(struct run *run);

/* Says what became of a run that has come to no right end. */
void collector_tell_end(struct run *run, const char *database);

#endif
