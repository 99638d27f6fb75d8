/* heap_times.h - the heap over time: samples and marks of a run, or of the chosen part of it. */
#ifndef LIBTRACE_QUERY_HEAP_TIMES_H
#define LIBTRACE_QUERY_HEAP_TIMES_H

#include "chart.h"
#include "run.h"

struct heap_sample {
    double t; /* seconds since the run's start */
    int64_t allocations, bytes, rss;
};

struct heap_mark {
    double t;
    int64_t process;
    char *name;
};

struct heap_times { /* both in order of time */
    struct heap_sample *samples;
    struct heap_mark *marks;
    size_t sample_count, mark_count;
};

/* Call heap_times_free() after a failure, too. */
int heap_times_read(const struct report *report, const struct run *run, struct heap_times *times);
void heap_times_free(struct heap_times *times);

/* False if the run's peak lies outside the chosen part of the run. */
int heap_times_has_peak(const struct run *run);

/* Fills a new chart: live bytes as its area, resident memory as its line, and the peak; for a part of a
 * run without that, the highest sample. */
void heap_times_chart(const struct heap_times *times, const struct run *run, struct chart *chart);

#endif
