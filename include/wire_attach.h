/* wire_attach.h - what trace-attach and the libtrace.so that it loads into a running program say to each other.
 *
 * trace-attach has the program load libtrace.so, which stays passive then, and calls these functions on one
 * of its threads, through their addresses in the library's symbol table.
 */
#ifndef LIBTRACE_WIRE_ATTACH_H
#define LIBTRACE_WIRE_ATTACH_H

#include <stdint.h>

#define ATTACH_LABEL_MAX 256
#define ATTACH_CHILDREN_MAX 160

/* How a call is answered. trace-attach may be killed at any moment, so the thread that is called never
 * depends on it: it waits a while for a reply, and without one undoes what it has done. Written by both, in
 * turn. */
enum attach_phase {
    ATTACH_ASKED = 0,
    ATTACH_ANSWERED = 1, /* by the program: the result is there */
    ATTACH_TAKEN = 2,    /* by trace-attach: it has what it needs of it */
    ATTACH_DROPPED = 3,  /* by trace-attach: it cannot use it */
    ATTACH_ALONE = 4,    /* by the program: no reply came */
    ATTACH_DONE = 5,     /* by the program: it has finished, and waits to be stopped */
    ATTACH_LEFT = 6,     /* by trace-attach: the thread goes back by itself */
};

/* Lies in memory of the program that trace-attach has made for the call. */
struct attach_call {
    uint32_t version; /* WIRE_VERSION of trace-attach */
    uint32_t phase;   /* enum attach_phase */
    int32_t caller;   /* trace-attach's process number */
    int32_t result;   /* answer: see each function */
};

struct attach_request {
    struct attach_call call;
    uint32_t depth; /* as in struct settings, which these become */
    uint32_t check_stacks;
    uint32_t follow;
    uint32_t stack;
    int32_t descriptor; /* answer: the arena's, to be taken (share.h); closed by the program on a reply */
    uint32_t slots;     /* answer: pointers to the allocator that are ours now */
    uint32_t command;   /* as in struct settings */
    uint64_t
        children; /* answer: address of libtrace_children, to be filled in; 0 = children are not traced */
    char label[ATTACH_LABEL_MAX]; /* empty: named after the program */
};

/* "LIBTRACE_SESSION=..." for what the program executes; trace-attach writes it once the collector is there. */
extern char libtrace_children[ATTACH_CHILDREN_MAX];

/* Result: 0, or a negative error code: ATTACH_* or -errno. */
void libtrace_attach(struct attach_request *request);

/* Puts everything back and records nothing any more. Result: the number of pointers that are still ours (0,
 * as it should be), or a negative error code. */
void libtrace_detach(struct attach_call *call);

/* After a detach and a memory barrier of all threads: ends the process's part in the run. Result: 0, or a
 * negative error code: ATTACH_BUSY as long as a thread is inside the recorder. */
void libtrace_leave(struct attach_call *call);

enum attach_error {
    ATTACH_VERSION = -1001, /* another libtrace than trace-attach's is loaded */
    ATTACH_TRACED = -1002,  /* traced already */
    ATTACH_BUSY = -1003,    /* threads are still at work on the run before */
    ATTACH_PROCESSES = -1004,
    ATTACH_UNTRACED = -1005, /* nothing to detach */
    ATTACH_NO_MALLOC = -1006,
    ATTACH_PROTECTED = -1007, /* the system does not let pointers be changed */
};

/* What libtrace_state says. */
enum attach_state {
    ATTACH_STATE_IDLE = 0,
    ATTACH_STATE_PRELOADED = 1, /* there from the program's start */
    ATTACH_STATE_ATTACHED = 2,
};
extern uint32_t libtrace_state;

#endif
