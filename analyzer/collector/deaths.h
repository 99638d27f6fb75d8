/* deaths.h - a thread that waits for what the collector cannot wait for while it sleeps on the arena's
 * futex: ends of processes, signals, and requests at the door (door_keeper.h). */
#ifndef LIBTRACE_DEATHS_H
#define LIBTRACE_DEATHS_H

#include "arena_reader.h"

#include <stdbool.h>

/* Before all else here: from now on ends and requests are kept for it. door: its socket, 0 = create it. */
void deaths_open(struct arena *arena, int door);

/* Starts it. From now on it gets the signals that the calling thread handles; they are blocked here and in
 * threads created later. False if the thread cannot be created. */
bool deaths_start(void);

/* Wakes the collector when this process ends, as long as the pidfd is open. */
void deaths_watch(int pidfd);

/* True if this thread has woken the collector since the last call. */
bool deaths_noticed(void);

#endif
