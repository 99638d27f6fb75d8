/* python_end.h - what was live when CPython began to tear itself down: that is what a program left. At the end of the process
 * all that its modules held is freed.
 */
#ifndef LIBTRACE_QUERY_PYTHON_END_H
#define LIBTRACE_QUERY_PYTHON_END_H

#include "run.h"

struct python_end {
    int64_t
        processes; /* of which that is known; those that were killed, or left by os._exit, have their end only */
    int64_t unknown; /* that had so many stacks that it was not written down */
};

/* From here on the run's sites (window_sites) have as live what was live then; blocks that were made with no Python code
 * running, what was live at the end: they are given back after it. Nothing changes where no process said so. */
int python_end_resolve(const struct report *report, struct run *run, struct python_end *end);

#endif
