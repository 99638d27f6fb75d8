/* source_file.h - which source files may be read for a run. Their names come from the database, and that may
 * come from anywhere: what we may read is not for everybody to have shown, in a page that is passed on, say.
 *
 *   a run that was recorded here, by us, into this file    any file
 *   any other                                              files below the current directory that look like
 *                                                          source, whatever links lead to them
 *   --source DIR                                           the same below DIR
 *   --source any                                           any file
 */
#ifndef LIBTRACE_QUERY_SOURCE_FILE_H
#define LIBTRACE_QUERY_SOURCE_FILE_H

#include "run.h"

extern const char *source_wanted; /* by --source; NULL = was not there */

#define SOURCE_OPTION                                                         \
    {                                                                         \
        "source", OPTION_TEXT, &source_wanted, "DIR",                         \
            "show source lines of files below DIR; 'any': of all files", NULL \
    }

/* The file to read, opened, or -1. hidden: there may be one, but it is not to be read. */
int source_open(const struct run *run, const char *path, int *hidden);

#endif
