/* advice_rules.h - the table of rules, and what they make findings with. */
#ifndef LIBTRACE_ADVISE_ADVICE_RULES_H
#define LIBTRACE_ADVISE_ADVICE_RULES_H

#include "advice.h"

struct rule {
    const char *id;     /* never changes: scripts depend on it */
    const char *title;  /* in a few words, for people */
    bool by_function;   /* findings in one function have one cause; */
    bool by_type;       /* those about one type have */
    const char *unless; /* a rule whose findings say all that is to be said of these blocks; NULL = none */
    int64_t least;      /* bytes that a finding of it saves at the peak at least; 0 = as for others */
    bool quotes;        /* its words have names from the source, which is not for everybody */
    void (*find)(struct advice *advice);
    /* What the record lacks, so that the rule cannot tell; NULL = nothing. The rule is not asked then. */
    const char *(*lacks)(const struct advice *advice);
};
extern const struct rule rules[]; /* ends with a NULL id */

#define RULES_MOST 32
#define RULES_TEXT (RULES_MOST * 24)

/* The rule of that name; NULL = there is none. */
const struct rule *rule_find(const char *id, size_t length);

/* All names, with commas between, in a buffer of RULES_TEXT. */
char *rules_text(char *out);

void rule_growth_by_copy(struct advice *advice);
void rule_churn(struct advice *advice);
void rule_small_blocks(struct advice *advice);
void rule_walked_once(struct advice *advice);
void rule_dict_per_instance(struct advice *advice);
void rule_growing_leak(struct advice *advice);
void rule_pinned_pages(struct advice *advice);
void rule_never_touched(struct advice *advice);
void rule_cross_thread_frees(struct advice *advice);
void rule_peak_copy(struct advice *advice);
void rule_duplicates(struct advice *advice);

const char *no_moments(const struct advice *advice);
const char *no_types(const struct advice *advice);
const char *no_pages(const struct advice *advice);
const char *no_frees_by_thread(const struct advice *advice);
const char *no_copies(const struct advice *advice);
const char *no_contents(const struct advice *advice);

/* ---- for rules ----------------------------------------------------------------------------------- */

/* A new finding about these facts (NULL = about none) at that place. It holds until the next one is made. */
struct finding *finding_new(struct advice *advice, const char *rule, enum certainty certainty, uint32_t place,
                            const struct facts *facts);

/* Adds a number; and blocks that would not be there. */
void finding_evidence(struct finding *finding, const char *name, double value);
void finding_relief(struct advice *advice, struct finding *finding, const struct facts *facts, double share);

/* Set the words for people. */
void finding_what(struct finding *finding, const char *format, ...) __attribute__((format(printf, 2, 3)));
void finding_remedy(struct finding *finding, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* A whole number of at most 2^53, or as far below 0: a stranger's file may have any numbers, and sums of many such do not
 * overflow. */
static inline int64_t whole(double value)
{
    const double most = 9007199254740992;

    return (int64_t)(value > most ? most : value > -most ? value : -most);
}

/* The type of the facts; "" = not known. */
const char *facts_type(const struct advice *advice, const struct facts *facts);

/* The most that was live, as far as that is known: of blocks whose type is told later, own_peak_bytes may lack one. */
int64_t facts_highest(const struct store_measures *m);

/* True if each size was as frequent as each other from the smallest to the largest, as if one block grew by equal steps:
 * then twice as many blocks are in each power of two as in the one below it. Blocks of random sizes look so, too. */
bool sizes_rise_evenly(const struct facts *facts);

#endif
