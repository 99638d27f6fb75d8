/* histograms.h - sizes and lifetimes of blocks by power of two: for histogram, summary and profile.c. */
#ifndef LIBTRACE_QUERY_HISTOGRAMS_H
#define LIBTRACE_QUERY_HISTOGRAMS_H

#include "filter.h"
#include "store.h"

#define HISTOGRAMS_TICK_S 0.01 /* unit of the lifetimes */

struct histograms {
    uint64_t sizes[STORE_HISTOGRAM_CLASSES];     /* allocations by bytes */
    uint64_t lifetimes[STORE_HISTOGRAM_CLASSES]; /* freed blocks by ticks of 10 ms */
    int64_t allocations, bytes, freed;
    int64_t smallest, largest; /* 0 if nothing was allocated */
};

/* The columns of window_sites() that histograms_add() needs. */
const char *histograms_columns(const struct run *run);

/* Adds the site in the statement's current row, whose columns `first` and following are
 * histograms_columns(). lifetimes gets the site's own lifetimes; NULL = not wanted. */
void histograms_add(struct histograms *histograms, struct sqlite3_stmt *statement, int first,
                    uint64_t lifetimes[STORE_HISTOGRAM_CLASSES]);

/* Adds up the sites that pass the filter (prepared, NULL = all). */
int histograms_read(const struct report *report, const struct run *run, const struct filter *filter,
                    struct histograms *histograms);

/* How far the counts of a sampled run's classes may be off, in blocks squared; all 0 for an exact run. As if each block
 * was the smallest of its class, so rather too much. The sizes behind a class of lifetimes are not known: they are taken
 * for those of all blocks. */
struct histograms_variances {
    double sizes[STORE_HISTOGRAM_CLASSES], lifetimes[STORE_HISTOGRAM_CLASSES];
    double allocations; /* of their sum */
};
void histograms_variances(const struct histograms *histograms, const struct run *run,
                          struct histograms_variances *variances);

/* Prints a heading and a bar for each class; nothing if nothing was counted. */
void histograms_print_sizes(const struct report *report, const struct run *run,
                            const struct histograms *histograms);
void histograms_print_lifetimes(const struct report *report, const struct run *run,
                                const struct histograms *histograms);

/* Write the arrays "sizes" and "lifetimes". */
void histograms_json_sizes(struct json *json, const struct run *run, const struct histograms *histograms);
void histograms_json_lifetimes(struct json *json, const struct run *run, const struct histograms *histograms);

#endif
