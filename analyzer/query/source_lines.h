/* source_lines.h - the lines of a source file. */
#ifndef LIBTRACE_QUERY_SOURCE_LINES_H
#define LIBTRACE_QUERY_SOURCE_LINES_H

#include <stddef.h>

/* A copy of the file's contents, and where its lines begin: count + 1 entries. */
struct source_lines {
    char *text;
    size_t *begins, count;
};

void source_lines_split(struct source_lines *lines, const char *text, size_t size);
void source_lines_free(struct source_lines *lines);

/* A line, from 0 on, without its end, with tabs expanded; malloc'ed. */
char *source_lines_text(const struct source_lines *lines, size_t at);

#endif
