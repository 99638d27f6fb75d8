/* database.h - whether the run can be recorded where it is to be, tried before the program starts: afterwards
 * it may be too late to say so, as a program may close its standard error, or be gone first. */
#ifndef LIBTRACE_RUN_DATABASE_H
#define LIBTRACE_RUN_DATABASE_H

#include <stddef.h>
#include <time.h>

/* NULL, or a part of a sentence that says what is in the way ("it is a directory"), in text or constant. */
const char *database_trouble(const char *path, char *text, size_t size);

/* True if something has been written into it since then. */
int database_written_since(const char *path, const struct timespec *moment);

#endif
