/* session.h - the traced process's part in a run: how it begins, and how it ends.
 *
 *   start.c     the first event: a run is begun or joined
 *   slot.c      the process's slot in the arena
 *   fork.c      the first event of a forked child
 *   attached.c  trace-attach has the program begin, and end, its part in a run
 *   end.c       the program exits
 */
#ifndef LIBTRACE_SESSION_H
#define LIBTRACE_SESSION_H

#include "process.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- start.c -------------------------------------------------------------------------------------- */

/* Brings the session into the state that this process needs: starts or joins the run on the first call,
 * claims a slot of its own after a fork. True if this process is traced. */
bool session_ready(void);

/* From the library's constructor: starts what has not started yet, hears of the exit, and gives the program's
 * children their way into the run. Keeps errno. */
void session_constructor(void);

/* ---- fork.c --------------------------------------------------------------------------------------- */

/* True if the child is traced, too. */
bool session_forked(void);

/* ---- attached.c ----------------------------------------------------------------------------------- */

/* The library is there, but was not preloaded: nothing starts until session_attach(). */
void session_passive(void);

/* Starts a run for a process that was started without us, and returns the arena's descriptor, which stays
 * open; or a negative error code. label: empty for the program's own name; it is copied. starter: the process
 * that will start the collector. */
int session_attach(const struct settings *wanted, const char *label, pid_t starter);

/* Ends it again: first no event is recorded any more; then, if no thread is inside the recorder, the
 * process's part in the run ends, and true is returned. */
void session_detach(void);
bool session_leave(void);

/* ---- end.c ---------------------------------------------------------------------------------------- */

/* Records how the process ends and waits (bounded) until the collector has taken everything in. */
void session_exiting(int status);

/* Has it called when the program exits; false: that cannot be. */
bool session_hear_exit(void);

/* Takes down what the process has used. */
void session_note_usage(void);

/* Page faults of the children that were waited for: all leave some behind. UINT64_MAX: not known. */
uint64_t session_child_faults(void);

#endif
