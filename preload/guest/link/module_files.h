/* module_files.h - waiting for the collector to open the files of modules, which may be removed soon. */
#ifndef LIBTRACE_MODULE_FILES_H
#define LIBTRACE_MODULE_FILES_H

#include "wire.h"

#include <stdbool.h>

/* Waits until the collector has opened the files of all modules that a process has described, at most for
 * a moment. */
void module_files_wait(const struct wire_process *of);

/* True if the collector has not opened the files of all modules of the run yet. */
bool module_files_missing(void);

#endif
