/* alive.h - whether the collector is there, and the wait for it at the end of the program. */
#ifndef LIBTRACE_ALIVE_H
#define LIBTRACE_ALIVE_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

/* Sets the process that starts the collector, by becoming it or forking it. 0 = unknown. */
void alive_started_by(pid_t starter);

/* True if the collector is gone, or cannot start any more. careful: also if it is a zombie that nobody has
 * waited for, which may take a descriptor to find out. While confined, only what needs no system call is
 * known. */
bool alive_gone(bool careful);

/* What somebody who waits for the collector has seen of it; all zero before the first look. */
struct alive_watch {
    uint64_t looked_ns;  /* when it was looked at last; 0 = never */
    uint64_t silent_ns;  /* how long it has stood still since then, see alive_silent_ns() */
    uint64_t worked_ns;  /* its processor time, */
    uint64_t at_beat_ns; /* and soon after its last heartbeat; 0 = not known */
    uint32_t beat;       /* its last heartbeat */
};

/* Looks at the collector, and returns how long it has stood still, as far as it was watched: it had no heartbeat, and no
 * processor either (or had one for longer than any work takes). On a busy machine, or one whose processors a hypervisor gives
 * to others, it may take seconds for what else takes milliseconds: so time counts the less the more threads want each
 * processor. While confined, only heartbeats are seen. */
uint64_t alive_silent_ns(struct alive_watch *watch);

/* How a wait for the collector ended. */
enum alive_end {
    ALIVE_DONE,   /* everything is written */
    ALIVE_SLOW,   /* it is still working, and we stopped waiting: it will finish without us */
    ALIVE_FAILED, /* it has failed, and has said why */
    ALIVE_GONE,   /* it died while working */
    ALIVE_NEVER,  /* it died before that, or never started */
};

/* For the exit of the run's first process, which has announced it: waits until the collector has read
 * everything. Takes less than a second, whatever the collector does. */
enum alive_end alive_wait(void);

/* The same if our end will end the collector, too: waits until it has finished the recording, as long as
 * it is working. */
void alive_wait_for_end(void);

#endif
