/* thinned.h - what was merged of a run's past, so that its database stayed bounded (--keep, --max-size). */
#ifndef LIBTRACE_QUERY_THINNED_H
#define LIBTRACE_QUERY_THINNED_H

#include "json.h"
#include "report.h"

struct run;

/* As the table thinning has it, see thinning_rows.sql. */
struct thinned {
    int set; /* 0 = neither was asked for, and the rest means nothing */
    int64_t keep_ns, most_bytes;
    int64_t coarse_ns,
        grain_ns; /* the time up to which moments were merged, 0 = none; at its beginning so far apart */
    int64_t events;
    int64_t is_short;
    int64_t not_rotated_ns; /* when its file could last not be rotated; 0 = since then it could */
};

int thinned_read(const struct report *report, struct run *run);

/* A sentence, or '' where nothing was thinned; returns out. */
#define THINNED_TEXT 512
char *thinned_text(const struct report *report, const struct run *run, char out[THINNED_TEXT]);

/* Adds the member "thinned" to the open object: null where neither was asked for. */
void thinned_json(struct json *json, const struct run *run);

#endif
