/* check_lines.h - the lines behind a limit that is exceeded: those that grew, or that hold most. */
#ifndef LIBTRACE_REPORT_CHECK_LINES_H
#define LIBTRACE_REPORT_CHECK_LINES_H

#include "match.h"

#define CHECK_LINES 5 /* named for one limit */

struct check_line {
    const char *file; /* NULL = not known; texts belong to whom the lines were read by */
    int64_t line;
    const char *function, *module;
    int64_t value, before; /* before: -1 = there is no baseline */
};

struct check_lines {
    struct check_line row[CHECK_LINES]; /* the largest change, or value, first */
    size_t count;
};

/* Those that grew from one side to the other. */
int check_lines_grown(const struct report *report, const struct side *before, const struct side *now,
                      enum measure measure, struct check_lines *lines);

/* Those that have most. */
void check_lines_largest(const struct lines *now, enum measure measure, struct check_lines *lines);

void check_lines_print(const struct report *report, const struct run *run, enum measure measure,
                       const struct check_lines *lines);
void check_lines_json(struct json *json, const struct check_lines *lines);

/* Workflow commands of GitHub's, on standard error, which its runner reads, too: an annotation for each line that has a
 * file, or one without. what: the sentence. */
void check_lines_annotate(const struct report *report, enum measure measure, const char *what,
                          const struct check_lines *lines);

/* One of them. file: NULL = none; more: what comes after the sentence. */
void check_lines_error(const char *file, int64_t line, const char *title, const char *what, const char *more);

#endif
