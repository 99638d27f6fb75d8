/* samples.h - how the sites develop: what changed at each from one moment to the next, so that reports can be
 * narrowed to a time.
 *
 * Moments are the program's marks, and the snapshots for the database. A row is the change since the
 * site's previous row, whenever that was: so a moment may be left out, and the sum of all rows up to a
 * later one is still right. Moments are left out if a run would get too many rows.
 */
#ifndef LIBTRACE_SAMPLES_H
#define LIBTRACE_SAMPLES_H

#include "ledger.h"

/* Totals of a site, or how they changed. */
struct sample_counts {
    uint64_t allocations, bytes;
    uint64_t frees, freed_bytes;
    uint64_t temporary;
};

struct sample {
    uint64_t t_ns;    /* since the start of the run */
    uint32_t site;    /* index in the ledger */
    uint32_t process; /* index into the collector's processes */
    uint32_t thread;  /* of the site */
    uint32_t node;    /* the process's own number for its stack */
    struct sample_counts change;
};

/* A moment t_ns at which the sum of all rows so far is what was counted; nothing more was counted until
 * until_ns. */
struct moment {
    uint64_t t_ns, until_ns;
};

/* Why the sites are looked at: each reason has its own share of a run's rows. */
enum samples_reason {
    SAMPLES_SNAPSHOT,
    SAMPLES_MARK,
    SAMPLES_BETWEEN, /* early in a run, and between two snapshots that are far apart */
    SAMPLES_PROCESS, /* see samples_take_process() */
};

struct samples {
    struct grow rows; /* struct sample: those that were not handed to the writer yet */
    uint32_t count;
    struct grow sampled;   /* struct sample_counts, by site: the sum of its rows */
    uint64_t rows_used[4]; /* in this run, by enum samples_reason */
    uint64_t looks_used;   /* looks at sites, for marks */
    uint64_t process_looks_used;
    struct grow moments; /* struct moment */
    uint32_t moment_count, moments_written;
    bool bounded;        /* what is older is thinned, so that there is room for more, */
    uint64_t most_bytes; /* in a file of that size; 0 = not said */
    uint64_t renewed_ns; /* since when that was not looked at */
    bool stirred;        /* something was counted since the latest moment */
    uint64_t next_ns;    /* when the next moment between snapshots is due */
};

/* Has the rows of a run that is thinned (thinning.h) limited for each ten minutes rather than for all of it. Those of marks
 * and of ends stay limited for the run, as they are not thinned. */
void samples_bound(struct samples *samples, uint64_t most_bytes);

/* Adds a row for each site that changed since its last one. False if the moment was left out. */
bool samples_take(struct samples *samples, const struct ledger *ledger, uint64_t t_ns,
                  enum samples_reason why);

/* Adds a row for each site of the process whose live blocks or bytes changed since its last one. It is a
 * moment of that process, about what was live only, not one of the whole run. False if it was left out. */
bool samples_take_process(struct samples *samples, const struct ledger *ledger, uint32_t process,
                          uint64_t t_ns);

/* True if a moment between snapshots is due. They are a millisecond apart at the beginning, then more and
 * more rare: so a moment that is asked for later is known to an eighth of its age, or a quarter of a
 * second, however long the first snapshots take. If there are many sites, they are more rare. */
bool samples_due(const struct samples *samples, uint64_t now_ns);

/* Everything that was published up to now_ns has been counted: if nothing was, the latest moment is still
 * valid then. */
void samples_hold(struct samples *samples, uint64_t now_ns);

#endif
