/* process.h - the state of a traced process: its slot, its settings, how far its tracing has come. Data
 * only, for all folders above; session/ changes it.
 */
#ifndef LIBTRACE_PROCESS_H
#define LIBTRACE_PROCESS_H

#include "gate.h"
#include "guest.h"
#include "wire.h"

#include <stdbool.h>
#include <stdint.h>

/* Settings from the environment, read once at the start. */
struct settings {
    uint32_t depth;                /* LIBTRACE_DEPTH: most frames kept of a stack */
    bool check_stacks;             /* LIBTRACE_CHECK_STACKS=1: compare every stack with unw_backtrace */
    bool follow;                   /* LIBTRACE_FOLLOW=0: trace the first process only */
    bool command;                  /* LIBTRACE_COMMAND=0: do not record arguments */
    bool types;                    /* LIBTRACE_TYPES=0: leave out the types of objects */
    int stack;                     /* LIBTRACE_STACK: enum stack_choice */
    uint32_t sample;               /* LIBTRACE_SAMPLE: bytes between samples; 0 = every block is recorded */
    uint64_t keep_ns, max_size;    /* LIBTRACE_KEEP, LIBTRACE_MAX_SIZE; 0 = without limit */
    uint64_t rotate_ns, rotations; /* LIBTRACE_ROTATE; 0 = never */
    bool threads, events, blocks;  /* for the collector, see collector.h */
};
enum stack_choice { STACK_AUTO, STACK_PYTHON, STACK_NATIVE, STACK_BOTH };
extern HIDDEN struct settings settings;

/* This process's slot; NULL while it is not traced. */
extern HIDDEN struct wire_process *process;

/* How often this process was attached to: each time it is part of another run. */
extern HIDDEN uint32_t attach_generation;

enum tracing {
    TRACING_NEW,      /* nothing has been recorded yet */
    TRACING_STARTING, /* a thread is starting it */
    TRACING_LIVE,     /* and in forked children, once they have a slot of their own (gate.h) */
    TRACING_STOPPED,  /* for good; for an attached program, until it is attached to again */
    TRACING_PASSIVE,  /* the library was not preloaded: nothing starts before session_attach() */
};
extern HIDDEN _Atomic enum tracing tracing;

/* True if events of this process are to be recorded. */
static inline bool tracing_live(void)
{
    return atomic_load(&tracing) == TRACING_LIVE && atomic_load(&gate->epoch) != 0;
}

/* The value of LIBTRACE_SESSION in the environment of the program's children; NULL = none (yet). */
extern HIDDEN char *exported_session;

#endif
