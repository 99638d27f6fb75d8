/* totals.h - what is compared of runs as a whole: the sentence, and the table below it. */
#ifndef LIBTRACE_REPORT_TOTALS_H
#define LIBTRACE_REPORT_TOTALS_H

#include "compared.h"

enum { TOTAL_BYTES, TOTAL_COUNT, TOTAL_SECONDS };

/* A number of that kind for people, into out (UNITS_SIZE). */
char *totals_number(const struct report *report, char *out, int kind, double value, int with_sign);

/* "stream peaks at 0.2 % of list (2.08 MiB -> 4.00 KiB)", malloc'ed. */
char *totals_sentence(const struct report *report, enum measure by, const struct compared *a,
                      const struct compared *b);

/* A column for each contender, and one for its change from the first. whole: no filter and no part of a run:
 * there is more to compare than what lines add up to. */
void totals_print(const struct report *report, const struct compared *all, size_t count, int whole);

/* The object "totals": what changed from the first to that one. */
void totals_json(struct json *json, const struct compared *all, size_t count, size_t which, int whole);

#endif
