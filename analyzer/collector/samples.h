/* samples.h - how the sites develop: what changed at each from one moment to the next, so that a report can
 * be narrowed to a time.
 *
 * Moments are the program's marks, and the snapshots for the database. A row is the change since the site's
 * row before, whenever that was: so a moment may be left out, and the sum of all rows up to another one is
 * still right. That is done where there are too many rows for what a run may have.
 */
#ifndef LIBTRACE_SAMPLES_H
#define LIBTRACE_SAMPLES_H

#include "ledger.h"

/* Totals of a site, or their change. */
struct sample_counts {
    uint64_t allocations, bytes;
    uint64_t frees, freed_bytes;
    uint64_t temporary;
};

struct sample {
    uint64_t t_ns;    /* since the start of the run */
    uint32_t site;    /* index in the ledger */
    uint32_t process; /* index into the collector's processes */
    uint32_t thread;  /* as the site's */
    uint32_t node;    /* raw node in the process's trie */
    struct sample_counts change;
};

/* A moment of which the sum of all rows up to it is what was counted; until the second, nothing came. */
struct moment {
    uint64_t t_ns, until_ns;
};

/* Why the sites are looked at: each has a share of what a run may have of its own. */
enum samples_at {
    SAMPLES_SNAPSHOT,
    SAMPLES_MARK,
    SAMPLES_BETWEEN, /* the first moments of a run, and those between two snapshots that are far apart */
    SAMPLES_PROCESS, /* see samples_take_process() */
};

struct samples {
    struct grow rows; /* struct sample: those that the writer has not got yet */
    uint32_t count;
    struct grow sampled;   /* struct sample_counts by site: the sum of its rows */
    uint64_t rows_used[4]; /* in this run, by enum samples_at */
    uint64_t looks_used;   /* at sites, at marks */
    uint64_t process_looks_used;
    struct grow moments; /* struct moment */
    uint32_t moment_count, moments_written;
    bool stirred;     /* something was counted since the latest moment */
    uint64_t next_ns; /* the next moment between snapshots */
};

/* Adds a row for each site that changed since its last one. False where the moment was left out. */
bool samples_take(struct samples *samples, const struct ledger *ledger, uint64_t t_ns, enum samples_at why);

/* Adds a row for each site of the process of which more or less is live than its rows say. It is a moment of that process,
 * and of what was live, alone: not one of the run's. False where it was left out. */
bool samples_take_process(struct samples *samples, const struct ledger *ledger, uint32_t process,
                          uint64_t t_ns);

/* True if it is time for a moment between snapshots. They are close at the beginning, a millisecond apart,
 * then ever rarer: so that a moment that is asked for later is known to an eighth of its age, or a quarter of
 * a second, however long the first snapshots take; and as rare as it takes where there are many sites. */
bool samples_due(const struct samples *samples, uint64_t now_ns);

/* All that was published by then was counted before: what the latest moment says still holds, if nothing came
 * since. */
void samples_hold(struct samples *samples, uint64_t now_ns);

#endif
