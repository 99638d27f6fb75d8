/* change.h - shared by merge, prune and rename, which write; all other subcommands only read. */
#ifndef LIBTRACE_QUERY_CHANGE_H
#define LIBTRACE_QUERY_CHANGE_H

#include "run.h"

/* Opens a database for writing and begins a transaction. On failure prints why; *store is set in any case,
 * for change_end(). */
int change_begin(const struct report *report, const char *path, struct store **store);

/* Commits if status is EXIT_FINE, else leaves everything as it was. vacuum: return the space of removed
 * rows to the file system. Returns status, or EXIT_FAILED after printing what went wrong. */
int change_end(const struct report *report, struct store *store, int status, int vacuum);

/* Returns EXIT_FINE for code 0; else prints the store's sentence and returns EXIT_FAILED. */
int change_check(const struct report *report, const struct store *store, int code);

#endif
