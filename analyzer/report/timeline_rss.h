/* timeline_rss.h - the parts of the resident memory over time, for timeline. */
#ifndef LIBTRACE_REPORT_TIMELINE_RSS_H
#define LIBTRACE_REPORT_TIMELINE_RSS_H

#include "json.h"
#include "resident_times.h"

/* Prints a table with a row for each moment; nothing if there are none. */
void timeline_rss_print(const struct report *report, const struct resident_times *times);

/* Writes the member "resident". */
void timeline_rss_json(struct json *json, const struct resident_times *times);

#endif
