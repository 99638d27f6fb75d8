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

struct samples {
    struct grow rows; /* struct sample: those that the writer has not got yet */
    uint32_t count;
    struct grow told;   /* struct sample_counts by site: the sum of its rows */
    uint64_t rows_used; /* in this run, at snapshots */
    uint64_t mark_rows_used;
    uint64_t looks_used; /* at sites, at marks */
};

/* Adds a row for each site that changed since its last one. False where the moment was left out. */
bool samples_take(struct samples *samples, const struct ledger *ledger, uint64_t t_ns, bool at_mark);

#endif
