/* thread_stack.h - where a stopped thread is: its return addresses, by libdw. */
#ifndef LIBTRACE_ATTACH_THREAD_STACK_H
#define LIBTRACE_ATTACH_THREAD_STACK_H

#include "target.h"

struct stacks; /* what libdw knows of a process */

/* NULL if libdw cannot read the process. To be opened before any thread is stopped, as it opens files. */
struct stacks *stacks_open(pid_t pid);
void stacks_close(struct stacks *stacks);

enum stack_place {
    STACK_SAFE,
    STACK_UNSAFE,  /* in the allocator, the loader, the recorder, or just starting or ending */
    STACK_UNKNOWN, /* nothing unsafe was seen, but the outer frames cannot be read */
};

/* Where a thread is that we have stopped. */
enum stack_place stacks_place(struct stacks *stacks, const struct target *target, pid_t tid);

#endif
