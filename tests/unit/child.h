/* child.h - processes that the tests of trace-attach examine. They are forked, so that their addresses are
 * the same as ours. */
#ifndef LIBTRACE_TESTS_CHILD_H
#define LIBTRACE_TESTS_CHILD_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

/* Memory shared by the test and its child. */
struct child_memory {
    _Atomic int ready; /* the child has got to where the test wants it */
    /* counts what the child does in a loop; grows as long as it lives and finds no error */
    _Atomic uint64_t turns;
    _Atomic int64_t number; /* meaning depends on the test */
    _Atomic int64_t result;
};

struct child {
    pid_t pid;
    struct child_memory *memory;
    void (*life)(struct child_memory *memory);
};

/* Runs life() in a child, which exits with 0 when that returns; waits until it is ready. */
void child_start(struct child *child, void (*life)(struct child_memory *memory));

/* To be called by the child. */
void child_ready(struct child_memory *memory);

/* Waits until it has made some more turns; false if it has ended, or makes none. */
int child_turns(const struct child *child);

/* Waits for its end; returns the status of waitpid(). */
int child_status(struct child *child);

/* Kills it if it is alive, and frees its memory. */
void child_end(struct child *child);

#endif
