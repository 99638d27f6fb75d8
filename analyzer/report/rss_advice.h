/* rss_advice.h - what helps against large parts of the resident memory, in plain words, where the figures say so. */
#ifndef LIBTRACE_REPORT_RSS_ADVICE_H
#define LIBTRACE_REPORT_RSS_ADVICE_H

#include "resident.h"

/* Adds a sentence for each part that is a tenth of all that is resident, and a mebibyte, and against which something
 * helps. */
void rss_advice(const struct report *report, const struct run *run, const struct resident *resident,
                struct sentences *advice);

#endif
