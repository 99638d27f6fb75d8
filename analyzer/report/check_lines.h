/* check_lines.h - the lines that caused a limit to be exceeded: those that grew, or those that hold most. */
#ifndef LIBTRACE_REPORT_CHECK_LINES_H
#define LIBTRACE_REPORT_CHECK_LINES_H

#include "match.h"

#define CHECK_LINES 5 /* named for one limit */

struct check_line {
    const char *file; /* NULL = not known; texts belong to what the lines were read from */
    int64_t line;
    const char *function, *module;
    int64_t value, before; /* before: -1 = there is no baseline */
};

struct check_lines {
    struct check_line row[CHECK_LINES]; /* ordered by change, or by value, largest first */
    size_t count;
};

/* Finds the lines that grew from one side to the other. */
int check_lines_grown(const struct report *report, const struct side *before, const struct side *now,
                      enum measure measure, struct check_lines *lines);

/* Finds the lines with the largest values. */
void check_lines_largest(const struct lines *now, enum measure measure, struct check_lines *lines);

void check_lines_print(const struct report *report, const struct run *run, enum measure measure,
                       const struct check_lines *lines);
void check_lines_json(struct json *json, const struct check_lines *lines);

/* Prints GitHub workflow commands on standard error, which its runner reads, too: an annotation for each
 * line that has a file, or a single one without a file. what: the sentence. */
void check_lines_annotate(const struct report *report, enum measure measure, const char *what,
                          const struct check_lines *lines);

/* Prints one annotation. file: NULL = none; more: follows the sentence. */
void check_lines_error(const char *file, int64_t line, const char *title, const char *what, const char *more);

#endif
