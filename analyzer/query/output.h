/* output.h - files that a report writes: whole or not at all. */
#ifndef LIBTRACE_QUERY_OUTPUT_H
#define LIBTRACE_QUERY_OUTPUT_H

#include "filter.h"

#include <stdio.h>

struct output {
    const char *path; /* NULL = stdout */
    char *unfinished; /* what it is called until it is whole */
    FILE *file;
};

/* path: NULL or "-" = stdout, of which a terminal is refused for binary data. Returns an exit status, having
 * said what is wrong. */
int output_open(const struct report *report, const char *path, int binary, struct output *output);

/* Ends the file, or removes it where status is not EXIT_FINE; then returns that, or its own failure. *size
 * becomes the bytes written, of a file. */
int output_close(const struct report *report, struct output *output, int status, int64_t *size);

/* One line, or with --json an object, on what was written: "heap.pb.gz: run 3 list as pprof, 26.5 KiB". what:
 * the format, for --json too. Nothing where stdout itself was the file. */
void output_say(const struct report *report, const struct output *output, const struct run *const *runs,
                int count, const char *what, const struct filter *filter, int64_t size);

#endif
