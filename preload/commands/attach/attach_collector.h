/* attach_collector.h - the collector of a run that trace-attach begins: our own, or, if the program is
 * another user's, two processes, one of which is that user's. */
#ifndef LIBTRACE_ATTACH_COLLECTOR_H
#define LIBTRACE_ATTACH_COLLECTOR_H

#include "attach_run.h"

/* Starts it, and waits for its report. On failure says why, and returns false. database: absolute path. */
bool collector_start(struct run *run, const char *database);

/* False once it has ended; run->recorded then says whether successfully. */
bool collector_runs(struct run *run);

/* Says what became of a run that did not end normally. */
void collector_tell_end(struct run *run, const char *database);

#endif
