/* check_rss.h - a limit of the resident size, and what was resident behind one that is exceeded. */
#ifndef LIBTRACE_REPORT_CHECK_RSS_H
#define LIBTRACE_REPORT_CHECK_RSS_H

#include "resident.h"

struct check_rss {
    int64_t value, limit; /* bytes: the most that was seen; what may be */
    struct resident at;   /* the highest moment at which the pages were looked at; may be none */
};

/* Of a run, or the processes of it that pass the filter, which is prepared. On failure says why. */
int check_rss_read(struct report *report, const struct run *run, const struct filter *filter, int64_t limit,
                   struct check_rss *rss);
void check_rss_free(struct check_rss *rss);

static inline int check_rss_exceeded(const struct check_rss *rss)
{
    return rss->value > rss->limit;
}

/* Of one that is exceeded: the sentence, with the largest parts below it. */
void check_rss_print(const struct report *report, const struct run *run, const struct check_rss *rss);
void check_rss_annotate(const struct report *report, const struct check_rss *rss);

/* The object in the array of limits. */
void check_rss_json(struct json *json, const struct check_rss *rss);

#endif
