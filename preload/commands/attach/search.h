/* search.h - finds a thread of a running program that may be borrowed: one that stands where it holds no lock
 * which our calls need, on a stack of which we know where it ends.
 */
#ifndef LIBTRACE_ATTACH_SEARCH_H
#define LIBTRACE_ATTACH_SEARCH_H

#include "target.h"

#define SEARCH_ROOM \
    16384 /* bytes that its stack has left: for signal frames, with all that processors have */

struct search_result {
    pid_t tid;             /* stopped, and ours (PTRACE_SEIZE) */
    uint64_t stopped_ns;   /* when it was */
    struct stacks *stacks; /* stacks_close() them when it goes on */
};

/* Stops one thread after the other, until one stands right. NULL, or why none did. Each is stopped for as
 * long as it takes to look at its stack; a thread that is not taken goes on as if it had not been stopped. */
const char *search_thread(struct target *target, struct search_result *result);

/* Brings a thread that is traced to a stop of our making; signals that come first are delivered. 1 if it
 * stands, 0 if it has ended, -1 if it did not stop in time. */
int search_interrupt(pid_t tid);

/* The same for one that was interrupted already. */
int search_await_interrupt(pid_t tid);

/* Lets a thread go on that stands so, and whose registers nobody has changed. */
void search_let_go(pid_t tid);

/* Waits for the next stop of a thread: 1, 0 if it has ended, -1 if there was none in time. */
int search_wait(pid_t tid, uint64_t timeout_ns, int *status);

/* While this is on we have priority, so that on a busy machine no thread stands still for longer than it takes. The
 * program's own priority is not touched, as we may be killed at any moment. */
void search_hurry(bool on);

uint64_t search_now_ns(void);

#endif
