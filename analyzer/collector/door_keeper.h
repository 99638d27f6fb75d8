/* door_keeper.h - the socket through which processes get the arena that cannot open it through /proc: see
 * wire_door.h. */
#ifndef LIBTRACE_COLLECTOR_DOOR_KEEPER_H
#define LIBTRACE_COLLECTOR_DOOR_KEEPER_H

#include "arena_reader.h"

#include <stdbool.h>

/* Makes it; its descriptor, or -1. */
int door_open(const struct arena *arena);

/* Answers what has come, without waiting for anybody. False if somebody was among them who does not know the
 * key. */
bool door_answer(const struct arena *arena, int door);

#endif
