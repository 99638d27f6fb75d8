/* session.h - the traced process's part in a run: its slot in the arena, its gate, its start and its end.
 */
#ifndef LIBTRACE_SESSION_H
#define LIBTRACE_SESSION_H

#include "guest.h"
#include "wire.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Settings from the environment, read once at the start. */
struct settings {
    uint32_t depth;               /* LIBTRACE_DEPTH: frames kept of a stack */
    bool check_stacks;            /* LIBTRACE_CHECK_STACKS=1: compare every stack with unw_backtrace */
    bool follow;                  /* LIBTRACE_FOLLOW=0: the first process only */
    bool command;                 /* LIBTRACE_COMMAND=0: arguments are kept out of the record */
    int stack;                    /* LIBTRACE_STACK: enum stack_choice */
    bool threads, events, blocks; /* for the collector, see collector.h */
};
enum stack_choice { STACK_AUTO, STACK_PYTHON, STACK_NATIVE, STACK_BOTH };
extern HIDDEN struct settings settings;

void settings_read(void);

/* What every event looks at first, on a page of its own that fork() gives to the child zeroed
 * (MADV_WIPEONFORK): so a new process, a changed module list and the end of tracing all show as "the epoch is
 * not what this thread last saw", one comparison, whatever call made the process. */
struct gate {
    _Atomic uint64_t epoch; /* 0: not started in this process; the lowest bit is GATE_STAMPING */
    uintptr_t loader_start; /* where ld.so's code is; its allocations mean that modules come or go */
    uintptr_t loader_size;
};
#define GATE_STAMPING 1u /* more than one ring: events carry the time */

union gate_page {
    struct gate gate;
    char page[4096];
};
extern HIDDEN union gate_page gate_page;
#define gate (&gate_page.gate)

/* This process's slot; NULL while it is not traced. */
extern HIDDEN struct wire_process *process;

/* Brings the session into the state that this process needs: starts or joins the run on the first call,
 * claims a slot of its own after a fork. True if this process is traced. Keeps errno. */
bool session_ready(void);

/* From the library's constructor: starts what has not started yet, hears of the exit, and gives the program's
 * children their way into the run. */
void session_constructor(void);

/* Ends tracing in this process for good and says why, once. The program goes on. */
void session_stop(const char *why, const char *detail);

/* The same for the whole run: what the process executes later is not traced either, and does not say so again. */
void session_stop_run(const char *why, const char *detail);

/* The same, as there is no collector any more. */
void session_gone(void);

/* Tells all threads to look at the world again before their next event. */
void session_new_epoch(void);

/* The process has a second ring. */
void session_stamping(void);

/* Records how the process ends and waits (bounded) until the collector has taken everything in. */
void session_exiting(int status);

/* The program is about to be confined, see confine.h; or was not after all. */
void session_confine(bool confined);

/* True while events of this process are to be recorded. */
bool session_live(void);

/* How many times this process was attached to: each time it plays a part in another run. */
extern HIDDEN uint32_t session_part;

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

#endif
