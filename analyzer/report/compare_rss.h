/* compare_rss.h - which part of the resident memory grew from one run to another. */
#ifndef LIBTRACE_REPORT_COMPARE_RSS_H
#define LIBTRACE_REPORT_COMPARE_RSS_H

#include "compared.h"
#include "resident.h"

/* Two runs, each at its highest moment. */
struct compare_rss {
    int known; /* the pages of both runs were looked at */
    struct resident before, after;
};

/* On failure prints why; call the free function then, too. */
int compare_rss_read(struct report *report, const struct compared *a, const struct compared *b,
                     struct compare_rss *rss);
void compare_rss_free(struct compare_rss *rss);

/* Prints nothing if it is not known. */
void compare_rss_print(const struct report *report, const struct compare_rss *rss);

/* Writes the member "resident": null if it is not known. */
void compare_rss_json(struct json *json, const struct compare_rss *rss);

#endif
