/* check_advice.h - advice as a limit: no finding that is certain or likely, of the rules that were named. */
#ifndef LIBTRACE_REPORT_CHECK_ADVICE_H
#define LIBTRACE_REPORT_CHECK_ADVICE_H

#include "advice_rules.h"

struct check_advice {
    bool asked;
    bool rules[RULES_MOST]; /* which, in the order of their table */
    bool all;               /* all of them */
    struct advice advice;
};

/* list: "all", or names of rules with commas between. On failure says which there are. */
int check_advice_choose(const struct report *report, const char *list, struct check_advice *check);

/* For a whole run; the filter must be prepared. */
int check_advice_read(struct report *report, const struct run *run, const struct filter *filter,
                      struct check_advice *check);
void check_advice_free(struct check_advice *check);

static inline size_t check_advice_exceeded(const struct check_advice *check)
{
    return check->advice.finding_count;
}

/* Prints a sentence for each finding, and annotates them. */
void check_advice_print(const struct report *report, const struct check_advice *check);
void check_advice_annotate(const struct report *report, const struct check_advice *check);

/* "no advice by churn", for a run that is within its limits; and in any case what is suppressed, and what rules cannot
 * tell. */
void check_advice_fine(const struct check_advice *check);
void check_advice_foot(const struct report *report, const struct check_advice *check);

/* Writes the member "advice". */
void check_advice_json(struct json *json, const struct check_advice *check);

#endif
