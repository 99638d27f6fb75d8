/* verdict.h - what a program or an AI agent wants to know of a run besides its totals: what it leaks, its
 * temporary allocations, and what to ask next. */
#ifndef LIBTRACE_REPORT_VERDICT_H
#define LIBTRACE_REPORT_VERDICT_H

#include "by_line.h"
#include "python_end.h"
#include "system_kept.h"

struct verdict_facts {
    struct lines leaks; /* stacks; what is kept on purpose is left out */
    struct lines churn; /* lines with the most temporary allocations */
    struct kept kept;
    struct store_measures kept_sum;
    struct python_end python;
    int advised; /* advise finds something that is certain or likely; the caller's */
};

/* Call verdict_free() in any case. */
int verdict_read(const struct report *report, struct run *run, struct verdict_facts *verdict);

/* Writes members of the open object, with at most so many rows each. */
void verdict_json(struct report *report, struct json *json, const struct run *run,
                  const struct verdict_facts *verdict, size_t rows);
void verdict_free(struct verdict_facts *verdict);

#endif
