/* python_end.h - what was live when CPython began to shut down: that is what the program left. By the end of
 * the process everything that its modules held has been freed. */
#ifndef LIBTRACE_QUERY_PYTHON_END_H
#define LIBTRACE_QUERY_PYTHON_END_H

#include "run.h"

struct python_end {
    int64_t
        processes; /* for which this is known; for those that were killed or left by os._exit, only the end is known */
    int64_t unknown; /* processes with too many stacks for them to be recorded */
};

/* From here on, the live values of the run's sites (window_sites) are those of that moment; for blocks
 * allocated with no Python code in the stack, those of the end, as they are freed later. Changes nothing
 * if no process recorded that moment. */
int python_end_resolve(const struct report *report, struct run *run, struct python_end *end);

#endif
