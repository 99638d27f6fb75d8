/* door_keeper.h - the socket ("door") that sends the arena to processes that cannot open it through /proc,
 * see wire_door.h. */
#ifndef LIBTRACE_COLLECTOR_DOOR_KEEPER_H
#define LIBTRACE_COLLECTOR_DOOR_KEEPER_H

#include "arena_reader.h"

#include <stdbool.h>

/* Creates the socket; returns its descriptor, or -1. */
int door_open(const struct arena *arena);

/* Answers the requests that have arrived, without waiting. False if one of them had a wrong key. */
bool door_answer(const struct arena *arena, int door);

#endif
