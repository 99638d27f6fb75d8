/* wire_attach.h - the interface between trace-attach and the libtrace.so that it loads into a running
 * program.
 *
 * trace-attach makes the program load libtrace.so, which stays passive then, and calls these functions on
 * one of the program's threads, at their addresses from the library's symbol table.
 */
#ifndef LIBTRACE_WIRE_ATTACH_H
#define LIBTRACE_WIRE_ATTACH_H

#include <stdint.h>

#define ATTACH_LABEL_MAX 256
#define ATTACH_CHILDREN_MAX 160

/* Of a library that was brought as a file in memory, as the program does not see ours: the file's name, and the beginning of
 * the path from which it is loaded. What the program executes cannot be told to load it. */
#define ATTACH_BROUGHT "libtrace.so"
#define ATTACH_BROUGHT_FROM "/proc/self/task/../fd/"

/* The phases of a call. trace-attach may be killed at any moment, so the called thread never depends on
 * it: it waits a while for a reply, and without one undoes what it has done. Both sides write the phase,
 * in turn. */
enum attach_phase {
    ATTACH_ASKED = 0,
    ATTACH_ANSWERED = 1, /* by the program: the result is ready */
    ATTACH_TAKEN = 2,    /* by trace-attach: it has taken what it needs */
    ATTACH_DROPPED = 3,  /* by trace-attach: it cannot use the result */
    ATTACH_ALONE = 4,    /* by the program: no reply came */
    ATTACH_DONE = 5,     /* by the program: it has finished, and waits to be stopped */
    ATTACH_LEFT = 6,     /* by trace-attach: the thread goes back by itself */
};

/* In memory of the program that trace-attach has allocated for the call. */
struct attach_call {
    uint32_t version; /* WIRE_VERSION of trace-attach */
    uint32_t phase;   /* enum attach_phase */
    int32_t caller;   /* PID of trace-attach; 0 = it has none in the program's PID namespace */
    int32_t result;   /* answer: see each function */
};

struct attach_request {
    struct attach_call call;
    uint32_t depth; /* these members become those of struct settings */
    uint32_t check_stacks;
    uint32_t follow;
    uint32_t stack;
    /* Answer: the arena's descriptor, to be taken (share.h); the program closes it after a reply. */
    int32_t descriptor;
    uint32_t slots;   /* answer: how many pointers to the allocator were changed */
    uint32_t command; /* as in struct settings */
    uint32_t types;   /* likewise */
    uint32_t sample;  /* likewise */
    uint32_t reserved;
    /* Answer: address of libtrace_children, which trace-attach fills in; 0 = children are not traced. */
    uint64_t children;
    char label[ATTACH_LABEL_MAX]; /* empty: the program's name */
};

/* "LIBTRACE_SESSION=..." for what the program executes; trace-attach writes it once the collector is there. */
extern char libtrace_children[ATTACH_CHILDREN_MAX];

/* Result: 0, or a negative error code: ATTACH_* or -errno. */
void libtrace_attach(struct attach_request *request);

/* Restores everything, and records nothing any more. Result: the number of pointers that are still ours (it
 * should be 0), or a negative error code. */
void libtrace_detach(struct attach_call *call);

/* After a detach and a memory barrier in all threads: ends the process's part in the run. Result: 0, or a
 * negative error code: ATTACH_BUSY while a thread is inside the recorder. */
void libtrace_leave(struct attach_call *call);

enum attach_error {
    ATTACH_VERSION = -1001, /* the loaded libtrace is another version */
    ATTACH_TRACED = -1002,  /* traced already */
    ATTACH_BUSY = -1003,    /* threads still record for the previous run */
    ATTACH_PROCESSES = -1004,
    ATTACH_UNTRACED = -1005, /* nothing to detach */
    ATTACH_NO_MALLOC = -1006,
    ATTACH_PROTECTED = -1007, /* the system does not allow changing the pointers */
};

/* Results of libtrace_state(). */
enum attach_state {
    ATTACH_STATE_IDLE = 0,
    ATTACH_STATE_PRELOADED = 1, /* loaded when the program started */
    ATTACH_STATE_ATTACHED = 2,
};
extern uint32_t libtrace_state;

#endif
