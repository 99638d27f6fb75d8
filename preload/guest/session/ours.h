/* ours.h - recognises the tracer's own programs, which are not traced: otherwise a library named in
 * /etc/ld.so.preload would start a collector for each collector. Nothing here calls functions that may
 * allocate. */
#ifndef LIBTRACE_OURS_H
#define LIBTRACE_OURS_H

#include <limits.h>
#include <stdbool.h>

/* The absolute path of a file named relative to this library; false if it cannot be found out. */
bool ours_path(const char *relative, char path[PATH_MAX]);

/* True if this process runs one of the tracer's commands, or a collector. */
bool ours_process(void);

/* Set in a collector's environment, as /proc may not be available there. */
#define OURS_VARIABLE "LIBTRACE_COLLECTOR"

#endif
