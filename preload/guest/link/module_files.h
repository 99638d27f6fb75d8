/* module_files.h - the files of modules, which the collector opens soon after they were described: they may
 * not be there much longer. */
#ifndef LIBTRACE_MODULE_FILES_H
#define LIBTRACE_MODULE_FILES_H

#include "wire.h"

#include <stdbool.h>

/* Waits until the collector has opened the files of all modules that a process has described, for a moment at
 * most. */
void module_files_wait(const struct wire_process *of);

/* The collector has not opened the files of all modules of the run yet. */
bool module_files_missing(void);

#endif
