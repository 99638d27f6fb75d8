/* totals.h - compares runs as a whole: the sentence, and the table below it. */
#ifndef LIBTRACE_REPORT_TOTALS_H
#define LIBTRACE_REPORT_TOTALS_H

#include "compared.h"

enum { TOTAL_BYTES, TOTAL_COUNT, TOTAL_SECONDS };

/* Writes a number of that kind for people into out (UNITS_SIZE). */
char *totals_number(const struct report *report, char *out, int kind, double value, int with_sign);

/* "stream peaks at 0.2 % of list (2.08 MiB -> 4.00 KiB)", malloc'ed. */
char *totals_sentence(const struct report *report, enum measure by, const struct compared *a,
                      const struct compared *b);

/* True if the two differ in a measure, but no more than the sampling of a run explains. */
int totals_within_noise(enum measure by, const struct compared *a, const struct compared *b);

/* Prints a table: a column for each run, and one for its change from the first. whole: neither a filter
 * nor a part of a run was chosen, so numbers of whole runs can be compared, too. */
void totals_print(const struct report *report, const struct compared *all, size_t count, int whole);

/* Writes the object "totals": the change from the first run to that one. */
void totals_json(struct json *json, const struct compared *all, size_t count, size_t which, int whole);

#endif
