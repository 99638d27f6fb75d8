/* join.h - the name of a run in the environment of its processes, and joining a run by it: see wire.h. */
#ifndef LIBTRACE_JOIN_H
#define LIBTRACE_JOIN_H

#include <stdbool.h>
#include <stddef.h>

/* The session in the environment, even of a run that is over; NULL = none. */
const char *join_session(void);

/* The database that a session names, for programs without a variable of its own for it; NULL = none. */
const char *join_database(const char *session);

/* Writes the name of the mapped arena's run. */
void join_describe(char *text, size_t size, int collector, int memory);

/* Maps the arena of the run. False if that is not possible; then tracing stops, unless that run is over: a
 * run of its own would be a separate recording, or fail for the same reason. */
bool join_run(const char *session);

/* True if trace-attach began the run, for a program that started (or had started) this one. */
bool join_is_attached(const char *session);

/* False if the run is, or was, in another network namespace, where its door cannot be seen from here. */
bool join_same_network(const char *session);

#endif
