/* histograms.h - sizes and lifetimes of blocks by power of two: for histogram, summary and what profile.c
 * loads.
 */
#ifndef LIBTRACE_QUERY_HISTOGRAMS_H
#define LIBTRACE_QUERY_HISTOGRAMS_H

#include "filter.h"
#include "store.h"

#define HISTOGRAMS_TICK_S 0.01 /* unit of the lifetimes */

struct histograms {
    uint64_t sizes[STORE_HISTOGRAM_CLASSES];     /* allocations by bytes */
    uint64_t lifetimes[STORE_HISTOGRAM_CLASSES]; /* freed blocks by ticks of 10 ms */
    int64_t allocations, bytes, freed;
    int64_t smallest, largest; /* 0 where nothing was allocated */
};

/* Of a site, in this order: what histograms_add takes. */
#define HISTOGRAMS_COLUMNS "allocations, bytes, live_allocations, smallest, largest, sizes, lifetimes"

/* Adds the site of a statement's current row, whose columns these are from first on. lifetimes gets the
 * site's own; NULL = not wanted. */
void histograms_add(struct histograms *histograms, struct sqlite3_stmt *statement, int first,
                    uint64_t lifetimes[STORE_HISTOGRAM_CLASSES]);

/* Adds up the sites that the filter (prepared, NULL = all) lets through. */
int histograms_read(const struct report *report, const struct run *run, const struct filter *filter,
                    struct histograms *histograms);

/* A heading and a bar for each class; nothing where nothing was counted. */
void histograms_print_sizes(const struct report *report, const struct histograms *histograms);
void histograms_print_lifetimes(const struct report *report, const struct histograms *histograms);

/* The arrays "sizes" and "lifetimes". */
void histograms_json_sizes(struct json *json, const struct histograms *histograms);
void histograms_json_lifetimes(struct json *json, const struct histograms *histograms);

#endif
