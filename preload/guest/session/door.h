/* door.h - gets a run's arena without /proc: see wire_door.h. */
#ifndef LIBTRACE_PRELOAD_DOOR_H
#define LIBTRACE_PRELOAD_DOOR_H

#include <stdint.h>

/* Creates the door of a new run, for its collector; requests that come before it is ready wait in the
 * socket. Returns its descriptor, or -1. */
int door_make(uint64_t name);

/* Returns the arena's descriptor, which the caller closes, or a negative errno code: ECONNREFUSED if there
 * is no such door in this network namespace, ETIMEDOUT if nobody answers for a second. */
int door_knock(uint64_t name, uint64_t key);

#endif
