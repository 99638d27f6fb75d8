/* door.h - the way to a run's arena that does not lead through /proc: see wire_door.h. */
#ifndef LIBTRACE_PRELOAD_DOOR_H
#define LIBTRACE_PRELOAD_DOOR_H

#include <stdint.h>

/* The door of a new run, for its collector: what comes before that is at work waits in it. Its descriptor, or -1. */
int door_make(uint64_t name);

/* The arena's descriptor, which the caller closes; or a negative errno code: ECONNREFUSED if there is no such door in
 * this network namespace, ETIMEDOUT if nobody answers for a second. */
int door_knock(uint64_t name, uint64_t key);

#endif
