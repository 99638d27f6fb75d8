/* timeline_rss.h - the parts of the resident memory over time: at the moments at which the pages were looked at. */
#ifndef LIBTRACE_REPORT_TIMELINE_RSS_H
#define LIBTRACE_REPORT_TIMELINE_RSS_H

#include "resident_moments.h"

struct timeline_rss {
    struct resident_moments moments; /* of the part of the run that is meant, by time */
    int64_t (*parts)[PAGES_PARTS];   /* bytes, of each moment */
};

/* Free after failure too. */
int timeline_rss_read(struct report *report, const struct run *run, struct timeline_rss *rss);
void timeline_rss_free(struct timeline_rss *rss);

/* A table, a row for each moment; nothing where there is none. */
void timeline_rss_print(const struct report *report, const struct timeline_rss *rss);

/* The member "resident". */
void timeline_rss_json(struct json *json, const struct timeline_rss *rss);

#endif
