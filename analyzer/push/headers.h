/* headers.h - headers of requests, which may hold credentials: they come from a file that others cannot read, or from
 * OTEL_EXPORTER_OTLP_HEADERS, and are never printed. */
#ifndef LIBTRACE_PUSH_HEADERS_H
#define LIBTRACE_PUSH_HEADERS_H

#include "report.h"

struct headers {
    char **line; /* "Name: value" */
    int count;
};

/* A file has a header a line; empty lines, and those that begin with '#', do not count. Refused if others may read it,
 * or change it. Returns an exit status, after saying what is wrong. */
int headers_read_file(const struct report *report, const char *path, struct headers *headers);

/* "name=value,name=value" of the variable of that name; nothing if it is not set. */
int headers_read_environment(const struct report *report, const char *variable, struct headers *headers);

/* True if the text has a word of a header's value: then it must not be shown. */
int headers_are_in(const struct headers *headers, const char *text);

void headers_free(struct headers *headers);

#endif
