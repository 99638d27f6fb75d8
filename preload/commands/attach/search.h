/* search.h - finds a thread of a running program on which calls can be made: it must hold no lock that the
 * calls need, and be on a stack whose end is known. */
#ifndef LIBTRACE_ATTACH_SEARCH_H
#define LIBTRACE_ATTACH_SEARCH_H

#include "target.h"

#define SEARCH_ROOM \
    16384 /* bytes that must be left on its stack: for signal frames with the largest processor state */

struct search_result {
    pid_t tid;             /* stopped, and traced by us (PTRACE_SEIZE) */
    uint64_t stopped_ns;   /* when it was stopped */
    struct stacks *stacks; /* call stacks_close() when the thread goes on */
};

/* Stops one thread after the other until one is at a safe point. Returns NULL, or why there was none. Each
 * is stopped for as long as it takes to look at its stack; the others go on as if they had not been
 * stopped. */
const char *search_thread(struct target *target, struct search_result *result);

/* Stops a thread that we trace; signals that come first are delivered. 1 = stopped, 0 = it has ended, -1 =
 * it did not stop in time. */
int search_interrupt(pid_t tid);

/* The same for one that was interrupted already. */
int search_await_interrupt(pid_t tid);

/* Lets a thread stopped that way go on, with its registers unchanged. */
void search_let_go(pid_t tid);

/* Waits for the next stop of a thread: 1 = stopped, 0 = it has ended, -1 = not in time. */
int search_wait(pid_t tid, uint64_t timeout_ns, int *status);

/* Gives us real-time priority while on, so that even on a busy machine no thread is stopped for longer
 * than necessary. The program's priority is not changed, as we may be killed at any moment. */
void search_hurry(bool on);

uint64_t search_now_ns(void);

#endif
