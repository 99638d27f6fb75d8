/* change.h - what merge, prune and rename share: they write, all other subcommands only read. */
#ifndef LIBTRACE_QUERY_CHANGE_H
#define LIBTRACE_QUERY_CHANGE_H

#include "run.h"

/* Opens a database for writing and begins a transaction. On failure says why; *store is set in any case, for
 * change_end. */
int change_begin(const struct report *report, const char *path, struct store **store);

/* Commits where status is EXIT_FINE, else leaves all as it was; vacuum: gives back the room of what was
 * removed. Returns status, or EXIT_FAILED after saying what went wrong. */
int change_end(const struct report *report, struct store *store, int status, int vacuum);

/* EXIT_FINE for 0; else the store's sentence is said. */
int change_check(const struct report *report, const struct store *store, int code);

#endif
