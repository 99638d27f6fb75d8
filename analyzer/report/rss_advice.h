/* rss_advice.h - what helps against large parts of the resident memory, in plain words, if the numbers
 * support it. */
#ifndef LIBTRACE_REPORT_RSS_ADVICE_H
#define LIBTRACE_REPORT_RSS_ADVICE_H

#include "resident.h"

/* Adds a sentence for each part that is at least a tenth of all that is resident, and at least 1 MiB, and
 * against which something can be done. */
void rss_advice(const struct report *report, const struct run *run, const struct resident *resident,
                struct sentences *advice);

#endif
