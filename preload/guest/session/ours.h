/* ours.h - the tracer's own programs, which it does not trace: else a library that is named in
 * /etc/ld.so.preload would start a collector for each collector. Nothing here calls what may allocate. */
#ifndef LIBTRACE_OURS_H
#define LIBTRACE_OURS_H

#include <limits.h>
#include <stdbool.h>

/* The absolute path of a file that is named relative to this library; false if it cannot be told. */
bool ours_path(const char *relative, char path[PATH_MAX]);

/* True if this process runs one of the tracer's commands, or a collector. */
bool ours_process(void);

/* Set in a collector's environment: there /proc may not tell. */
#define OURS_VARIABLE "LIBTRACE_COLLECTOR"

#endif
