/* compare_rss.h - which part of the resident memory grew from one run to another. */
#ifndef LIBTRACE_REPORT_COMPARE_RSS_H
#define LIBTRACE_REPORT_COMPARE_RSS_H

#include "compared.h"
#include "resident.h"

/* Two runs, each where it was highest. */
struct compare_rss {
    int known; /* the pages of both were looked at */
    struct resident before, after;
};

/* On failure says why; free after failure too. */
int compare_rss_read(struct report *report, const struct compared *a, const struct compared *b,
                     struct compare_rss *rss);
void compare_rss_free(struct compare_rss *rss);

/* Nothing, where it is not known. */
void compare_rss_print(const struct report *report, const struct compare_rss *rss);

/* The member "resident": null where it is not known. */
void compare_rss_json(struct json *json, const struct compare_rss *rss);

#endif
