/* source_file.h - which source files may be read for a run. Their names come from the database, which may come
 * from anywhere; and what we may read is not for everybody to see, in a page that is passed on, for example.
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

extern const char *source_wanted; /* value of --source; NULL = not given */

#define SOURCE_OPTION                                                         \
    {                                                                         \
        "source", OPTION_TEXT, &source_wanted, "DIR",                         \
            "show source lines of files below DIR; 'any': of all files", NULL \
    }

/* Opens the file to read, or returns -1. *hidden: there may be one, but it must not be read. */
int source_open(const struct run *run, const char *path, int *hidden);

#endif
