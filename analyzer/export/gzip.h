/* gzip.h - a file, or a message, in gzip. */
#ifndef LIBTRACE_EXPORT_GZIP_H
#define LIBTRACE_EXPORT_GZIP_H

#include <stddef.h>
#include <stdio.h>

/* Without a time or a name, so that the same data give the same file. The caller checks `out` for errors. False: out
 * of memory. */
int gzip_to(FILE *out, const void *data, size_t size);

#endif
