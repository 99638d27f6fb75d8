/* verdict.h - what a program or an agent wants to know of a run, beside its totals: what it leaves, what it allocates in vain,
 * and what to ask next. */
#ifndef LIBTRACE_REPORT_VERDICT_H
#define LIBTRACE_REPORT_VERDICT_H

#include "by_line.h"
#include "python_end.h"
#include "system_kept.h"

struct verdict_facts {
    struct lines leaks; /* stacks, without what is kept */
    struct lines churn; /* lines by temporary allocations */
    struct kept kept;
    struct store_measures kept_sum;
    struct python_end python;
};

/* verdict_free in any case. */
int verdict_read(const struct report *report, struct run *run, struct verdict_facts *verdict);

/* Members of the open object, with so many rows each. */
void verdict_json(struct report *report, struct json *json, const struct run *run,
                  const struct verdict_facts *verdict, size_t rows);
void verdict_free(struct verdict_facts *verdict);

#endif
