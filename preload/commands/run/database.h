/* database.h - checks that the run can be recorded in its database, before the program starts: afterwards
 * it may be too late to say so, as the program may close its standard error, or end first. */
#ifndef LIBTRACE_RUN_DATABASE_H
#define LIBTRACE_RUN_DATABASE_H

#include <stddef.h>
#include <time.h>

/* Returns NULL, or a part of a sentence that says what is wrong ("it is a directory"); it may be stored in
 * text. */
const char *database_trouble(const char *path, char *text, size_t size);

/* True if the file was written to since that time. */
int database_written_since(const char *path, const struct timespec *moment);

#endif
