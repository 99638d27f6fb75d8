/* source.h - the text of source lines, where the files are at hand. */
#ifndef LIBTRACE_QUERY_SOURCE_H
#define LIBTRACE_QUERY_SOURCE_H

#include "run.h"

enum source_state {
    SOURCE_FINE,
    SOURCE_MISSING, /* no such file, not readable, or shorter */
    SOURCE_HIDDEN,  /* there may be one, but it is not to be read (source_file.h) */
    SOURCE_CHANGED, /* written since the run began: its lines may be others now */
};

/* A malloc'ed line without the white space around it; NULL but for SOURCE_FINE. */
enum source_state source_line(const struct run *run, const char *file, int64_t line, char **text);

/* The whole file, which is kept until another one is looked at; NULL but for SOURCE_FINE. No NUL ends it. */
enum source_state source_whole(const struct run *run, const char *file, const char **text, size_t *size);

/* Says where somebody looks at a terminal that lines were left out, and how to have them. */
void source_hint(const struct report *report);

/* file below the run's working directory without that; else as it is. Points into file. */
const char *source_short(const struct run *run, const char *file);

#endif
