/* session.h - the part of a traced process in a run: how it begins, and how it ends.
 *
 *   start.c     the first event: begins or joins a run
 *   slot.c      the process's slot in the arena
 *   fork.c      the first event of a forked child
 *   attached.c  trace-attach begins and ends a program's part in a run
 *   end.c       the program exits
 */
#ifndef LIBTRACE_SESSION_H
#define LIBTRACE_SESSION_H

#include "process.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- start.c -------------------------------------------------------------------------------------- */

/* Brings the session into the state that this process needs: begins or joins a run on the first call,
 * claims a slot of its own after a fork. True if this process is traced. */
bool session_ready(void);

/* Called by the library's constructor: starts what has not been started yet, registers for the exit, and
 * exports the session to the program's children. Keeps errno. */
void session_constructor(void);

/* ---- fork.c --------------------------------------------------------------------------------------- */

/* True if the child is traced, too. */
bool session_forked(void);

/* ---- attached.c ----------------------------------------------------------------------------------- */

/* The library is loaded, but was not preloaded: nothing starts before session_attach(). */
void session_passive(void);

/* Starts a run for a process that was started without us, and returns the arena's descriptor, which stays
 * open; or a negative error code. label: empty for the program's own name; it is copied. starter: the process
 * that will start the collector. */
int session_attach(const struct settings *wanted, const char *label, pid_t starter);

/* Ends it: after the first, no event is recorded any more. The second then ends the process's part in the
 * run if no thread is inside the recorder, and returns true. */
void session_detach(void);
bool session_leave(void);

/* ---- end.c ---------------------------------------------------------------------------------------- */

/* Records how the process ends, and waits (for a limited time) until the collector has read everything. */
void session_exiting(int status);

/* Registers for the program's exit; false: not possible. */
bool session_hear_exit(void);

/* Records the CPU time and memory that the process has used. */
void session_note_usage(void);

/* Page faults of children that were waited for: every child has some. UINT64_MAX: not known. */
uint64_t session_child_faults(void);

#endif
