/* alive.h - whether the collector is there, and the wait for it at the end of the program. */
#ifndef LIBTRACE_ALIVE_H
#define LIBTRACE_ALIVE_H

#include <stdbool.h>
#include <sys/types.h>

/* The process that starts the collector: becomes it itself, or forks it. 0 = unknown. */
void alive_started_by(pid_t starter);

/* True for a collector that is no more, or that cannot come any more. careful: even if whoever adopted it has
 * not waited for it yet, which may take a descriptor to find out. Confined, only what needs no system call is
 * known. */
bool alive_gone(bool careful);

/* How a wait for the collector ended. */
enum alive_end {
    ALIVE_DONE,   /* all is written */
    ALIVE_SLOW,   /* it is at work, and was not waited for any longer: what is left comes without us */
    ALIVE_FAILED, /* and has said why */
    ALIVE_GONE,   /* it died at work */
    ALIVE_NEVER,  /* it died before that, or was never there */
};

/* At the exit of the run's first process, which has told of that: waits until the collector has taken in what
 * there is. Less than a second, whatever becomes of the collector. */
enum alive_end alive_wait(void);

/* The same where our end will be the collector's: waits until it has finished the record, as long as it is at work. */
void alive_wait_for_end(void);

#endif
