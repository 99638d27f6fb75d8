/* child.h - processes that the tests of trace-attach look at: forked, so that all is where it is in us. */
#ifndef LIBTRACE_TESTS_CHILD_H
#define LIBTRACE_TESTS_CHILD_H

#include <stdatomic.h>
#include <stdint.h>
#include <sys/types.h>

/* Memory that both have. */
struct child_memory {
    _Atomic int ready;      /* the child has got to where it wanted to be */
    _Atomic uint64_t turns; /* of what it does over and over; grows as long as it lives and is right */
    _Atomic int64_t number; /* for the test, see there */
    _Atomic int64_t result;
};

struct child {
    pid_t pid;
    struct child_memory *memory;
    void (*life)(struct child_memory *memory);
};

/* Has it live in a child, which exits with 0 when life returns; waits until it is ready. */
void child_start(struct child *child, void (*life)(struct child_memory *memory));

/* To be said by it. */
void child_ready(struct child_memory *memory);

/* Waits until it has made some more turns; false if it has ended, or does not. */
int child_turns(const struct child *child);

/* Waits for its end: as waitpid() has it. */
int child_status(struct child *child);

/* Kills it if it lives, and forgets it. */
void child_end(struct child *child);

#endif
