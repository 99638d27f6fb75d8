/* rss_words.h - phrases about moments at which the pages were looked at, for several reports. */
#ifndef LIBTRACE_REPORT_RSS_WORDS_H
#define LIBTRACE_REPORT_RSS_WORDS_H

#include "resident.h"

/* "at the end (812 ms)"; harmless. */
void rss_moment(const struct resident *r, char *out, size_t size);

/* Why no such moment of the run is known, and what to do; malloc'ed. of_processes: only some of its
 * processes were chosen. */
char *rss_nothing_known(const struct run *run, int of_processes);

/* Writes the member "moment": null if none is known. */
void rss_moment_json(struct json *json, const struct resident *r);

#endif
