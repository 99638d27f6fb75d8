/* deaths.h - the thread that waits for what the collector cannot wait for while it sleeps on the arena's
 * futex: the ends of processes, signals, and whoever is at the door. */
#ifndef LIBTRACE_DEATHS_H
#define LIBTRACE_DEATHS_H

#include "arena_reader.h"

#include <stdbool.h>

/* Starts it; signals that the calling thread takes go to it from now on, and are blocked here and in threads
 * that are made later. False where there can be no such thread. door: 0 = it is made
 * here. */
bool deaths_start(struct arena *arena, int door);

/* Has the collector woken when this process ends; until the pidfd is closed. */
void deaths_watch(int pidfd);

/* True if the collector was woken by it since the last time. */
bool deaths_noticed(void);

#endif
