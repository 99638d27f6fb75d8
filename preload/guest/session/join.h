/* join.h - how a run is named in the environment of its processes, and joined by that name: see wire.h. */
#ifndef LIBTRACE_JOIN_H
#define LIBTRACE_JOIN_H

#include <stdbool.h>
#include <stddef.h>

/* What the environment says of a run, also of one that is over; NULL = nothing. */
const char *join_session(void);

/* What a session says of the database, where that has no variable of its own; NULL = nothing. */
const char *join_database(const char *session);

/* Writes the name of the run that the mapped arena is of. */
void join_describe(char *text, size_t size, int collector, int memory);

/* Maps the arena of the run. False if it cannot, and then, unless that run is over, the session is stopped: a
 * run of its own would be another record, or fail for the same reason. */
bool join_run(const char *session);

/* Begun by trace-attach, for a program that has (or had) this one started. */
bool join_is_attached(const char *session);

/* False if the run is, or was, one of another network namespace, where its door cannot be seen from here. */
bool join_same_network(const char *session);

#endif
