/* timeline_rss.h - the parts of the resident memory over time, as timeline shows them. */
#ifndef LIBTRACE_REPORT_TIMELINE_RSS_H
#define LIBTRACE_REPORT_TIMELINE_RSS_H

#include "json.h"
#include "resident_times.h"

/* A table, a row for each moment; nothing where there is none. */
void timeline_rss_print(const struct report *report, const struct resident_times *times);

/* The member "resident". */
void timeline_rss_json(struct json *json, const struct resident_times *times);

#endif
