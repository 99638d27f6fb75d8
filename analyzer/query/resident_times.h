/* resident_times.h - the parts of the resident memory over time: at each moment at which the pages were
 * looked at. */
#ifndef LIBTRACE_QUERY_RESIDENT_TIMES_H
#define LIBTRACE_QUERY_RESIDENT_TIMES_H

#include "resident_moments.h"

struct resident_times {
    struct resident_moments moments; /* in the chosen part of the run, by time */
    int64_t (*parts)[PAGES_PARTS];   /* bytes, for each moment; NULL = none */
};

/* Adds up all processes. On failure prints why; call the free function then, too. */
int resident_times_read(const struct report *report, const struct run *run, struct resident_times *times);
void resident_times_free(struct resident_times *times);

#endif
