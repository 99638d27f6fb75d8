/* check_rss.h - a limit for the resident size, and what was resident when it is exceeded. */
#ifndef LIBTRACE_REPORT_CHECK_RSS_H
#define LIBTRACE_REPORT_CHECK_RSS_H

#include "resident.h"

struct check_rss {
    int64_t value, limit; /* bytes: the largest size seen, and the largest allowed */
    struct resident at;   /* the highest moment at which the pages were looked at, if there is any */
};

/* For a run, or those of its processes that pass the filter, which must be prepared. On failure prints
 * why. */
int check_rss_read(struct report *report, const struct run *run, const struct filter *filter, int64_t limit,
                   struct check_rss *rss);
void check_rss_free(struct check_rss *rss);

static inline int check_rss_exceeded(const struct check_rss *rss)
{
    return rss->value > rss->limit;
}

/* For a limit that is exceeded: prints the sentence, with the largest parts below it. */
void check_rss_print(const struct report *report, const struct run *run, const struct check_rss *rss);
void check_rss_annotate(const struct report *report, const struct check_rss *rss);

/* Writes the object in the array of limits. */
void check_rss_json(struct json *json, const struct check_rss *rss);

#endif
