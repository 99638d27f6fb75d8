/* sampled_rules.h - which rules can tell of a sampled run, and what they have to be sure of there. */
#ifndef LIBTRACE_ADVISE_SAMPLED_RULES_H
#define LIBTRACE_ADVISE_SAMPLED_RULES_H

#include "advice_rules.h"

/* Why a rule cannot tell of this run; NULL = it can. It is not asked then. */
const char *rule_lacks(const struct advice *advice, const struct rule *rule);

/* Removes findings that a rule has just made, from number `first` on, whose estimates are within two standard errors of the
 * rule's limit. Nothing in exact runs. */
void sampled_rules_check(struct advice *advice, size_t first);

#endif
