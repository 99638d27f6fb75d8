/* output.h - files that a report writes: as a whole or not at all. */
#ifndef LIBTRACE_QUERY_OUTPUT_H
#define LIBTRACE_QUERY_OUTPUT_H

#include "filter.h"

#include <stdio.h>

struct output {
    const char *path; /* NULL = stdout */
    char *unfinished; /* its temporary name until it is complete */
    FILE *file;
};

/* path: NULL or "-" = stdout; binary data is refused if that is a terminal. Returns an exit status, after
 * an error message. */
int output_open(const struct report *report, const char *path, int binary, struct output *output);

/* Finishes the file, or removes it if status is not EXIT_FINE. Returns status, or EXIT_FAILED if finishing
 * failed. *size is set to the bytes written, if it was a file. */
int output_close(const struct report *report, struct output *output, int status, int64_t *size);

/* Prints one line about what was written, or an object with --json: "heap.pb.gz: run 3 list as pprof, 26.5
 * KiB". what: the format. Prints nothing if the output went to stdout. */
void output_say(const struct report *report, const struct output *output, const struct run *const *runs,
                int count, const char *what, const struct filter *filter, int64_t size);

#endif
