/* histograms.h - sizes and lifetimes of blocks by power of two: for histogram and summary. */
#ifndef LIBTRACE_REPORT_HISTOGRAMS_H
#define LIBTRACE_REPORT_HISTOGRAMS_H

#include "filter.h"
#include "store.h"

struct histograms {
    uint64_t sizes[STORE_HISTOGRAM_CLASSES];     /* allocations by bytes */
    uint64_t lifetimes[STORE_HISTOGRAM_CLASSES]; /* freed blocks by ticks of 10 ms */
    int64_t allocations, bytes, freed;
    int64_t smallest, largest; /* 0 where nothing was allocated */
};

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
