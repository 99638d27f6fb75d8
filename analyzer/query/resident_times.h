/* resident_times.h - the parts of the resident memory over time: at the moments at which the pages were looked at. */
#ifndef LIBTRACE_QUERY_RESIDENT_TIMES_H
#define LIBTRACE_QUERY_RESIDENT_TIMES_H

#include "resident_moments.h"

struct resident_times {
    struct resident_moments moments; /* of the part of the run that is meant, by time */
    int64_t (*parts)[PAGES_PARTS];   /* bytes, of each moment; NULL = there is none */
};

/* Of all processes. On failure says why; free after failure too. */
int resident_times_read(const struct report *report, const struct run *run, struct resident_times *times);
void resident_times_free(struct resident_times *times);

#endif
