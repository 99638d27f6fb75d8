/* month.h - a run of weeks in minutes: the collector's samples and the store, fed with a program whose counts are known at
 * any time, by a clock that runs ahead. */
#ifndef LIBTRACE_MONTH_H
#define LIBTRACE_MONTH_H

#include "samples.h"
#include "store.h"

#include <stdint.h>

struct month {
    struct store_bounds bounds;
    int64_t step_ns; /* between two snapshots */
    int sites;       /* stacks; all of them change all the time, some seldom */
    int64_t mark_every, threads_every,
        events_every;      /* steps between two marks, ended threads, logged events; 0 = none */
    const char *mark_name; /* NULL = some name */

    /* Filled in: */
    struct store *store;
    struct ledger ledger;
    struct samples samples;
    int64_t step; /* the latest */
    int64_t run, marks, threads, events;
    int64_t most_bytes;           /* of the file and its WAL, after any commit */
    int64_t thread_allocations;   /* of all threads */
    int64_t highest, highest_rss; /* of the points */
    char path[256];
};

/* What a site has counted after a step. */
struct sample_counts month_counts(int site, int64_t step);

/* Each returns 0, or a negative code of the store. */
int month_begin(struct month *month, const char *path);
int month_go_on(struct month *month, int64_t steps);
int month_end(struct month *month);

/* Compares what the file says with what the program did: at each moment that is left, at each mark, in all. Returns a
 * sentence about the first thing that is wrong; NULL = nothing. *moments: how many were compared. */
const char *month_wrong(const struct month *month, int64_t *moments);

#endif
