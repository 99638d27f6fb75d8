/* attach.h - what trace-attach and the libtrace.so that it loads into a running program say to each other.
 *
 * trace-attach has the program load libtrace.so, which stays passive then, and calls these functions on one
 * of its threads, through their addresses in the library's symbol table.
 */
#ifndef LIBTRACE_ATTACH_H
#define LIBTRACE_ATTACH_H

#include <stdint.h>

#define ATTACH_LABEL_MAX 256
#define ATTACH_CHILDREN_MAX 96

/* Lies in memory of the program that trace-attach has made for the call. */
struct attach_request {
    uint32_t version; /* WIRE_VERSION of trace-attach */
    uint32_t depth;   /* as in struct settings, which these become */
    uint32_t check_stacks;
    uint32_t follow;
    uint32_t stack;
    int32_t descriptor; /* answer: the arena's; for trace-attach to take (share.h) and to close */
    uint32_t slots;     /* answer: pointers to the allocator that are ours now */
    uint32_t command; /* as in struct settings */
    uint64_t children; /* answer: address of libtrace_children, to be filled in; 0 = children are not traced */
    char label[ATTACH_LABEL_MAX]; /* empty: named after the program */
};

/* "LIBTRACE_SESSION=..." for what the program executes; trace-attach writes it once the collector is there. */
extern char libtrace_children[ATTACH_CHILDREN_MAX];

/* 0, or a negative error code: ATTACH_* or -errno. */
int libtrace_attach(struct attach_request *request);

/* Puts everything back and records nothing any more. The number of pointers that are still ours (0, as it
 * should be), or a negative error code. */
int libtrace_detach(void);

/* After a detach and a memory barrier of all threads: ends the process's part in the run. 0, or a negative
 * error code: ATTACH_BUSY as long as a thread is inside the recorder. */
int libtrace_leave(void);

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
