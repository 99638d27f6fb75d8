/* source.h - the text of source lines, where the files are available. */
#ifndef LIBTRACE_QUERY_SOURCE_H
#define LIBTRACE_QUERY_SOURCE_H

#include "run.h"

enum source_state {
    SOURCE_FINE,
    SOURCE_MISSING, /* no such file, not readable, or fewer lines */
    SOURCE_HIDDEN,  /* there may be one, but it must not be read (source_file.h) */
    SOURCE_CHANGED, /* modified since the run began: its lines may be others now */
};

/* A malloc'ed line without surrounding white space; NULL unless it returns SOURCE_FINE. */
enum source_state source_line(const struct run *run, const char *file, int64_t line, char **text);

/* The whole file, not NUL-terminated, which is kept until another one is read; NULL unless it returns
 * SOURCE_FINE. */
enum source_state source_whole(const struct run *run, const char *file, const char **text, size_t *size);

/* On a terminal, says that source lines were left out, and how to see them. */
void source_hint(const struct report *report);

/* file relative to the run's working directory if it is below that; else file itself. Points into file. */
const char *source_short(const struct run *run, const char *file);

#endif
