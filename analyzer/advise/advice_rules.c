/* advice_rules.c - the table of rules: what they need, and how they are called. README.md says how each decides. */
#include "advice_rules.h"
#include "trend.h"

#include <stdio.h>
#include <string.h>

const char *const certainty_names[] = {"certain", "likely", "ask"};

const struct rule rules[] = {
    {"walked-once", "a list that is walked once", false, false, NULL, 0, true, rule_walked_once, NULL},
    {"dict-per-instance", "a dict for each instance", false, true, NULL, 0, false, rule_dict_per_instance,
     no_types},
    {"growth-by-copy", "it grows by copying itself", false, false, NULL, 0, false, rule_growth_by_copy, NULL},
    {"peak-copy", "the peak was a copy", false, false, "growth-by-copy", 1 << 20, false, rule_peak_copy,
     no_copies},
    {"churn", "made and freed again and again", true, false, NULL, 0, false, rule_churn, NULL},
    {"cross-thread-frees", "made here, freed by other threads", true, false, NULL, 0, false,
     rule_cross_thread_frees, no_frees_by_thread},
    {"growing-leak", "it holds more and more", true, false, NULL, 0, false, rule_growing_leak, no_moments},
    {"small-blocks", "many small blocks", true, false, NULL, 1 << 20, false, rule_small_blocks, NULL},
    {"duplicates", "many blocks with the same contents", true, false, NULL, 0, false, rule_duplicates,
     no_contents},
    {"pinned-pages", "few blocks keep many pages", true, false, NULL, 1 << 20, false, rule_pinned_pages,
     no_pages},
    {"never-touched", "asked for and never used", false, false, NULL, 1 << 20, false, rule_never_touched,
     no_pages},
    {0},
};
_Static_assert(sizeof rules / sizeof rules[0] <= RULES_MOST, "RULES_MOST is too small");

const struct rule *rule_find(const char *id, size_t length)
{
    for (const struct rule *rule = rules; rule->id != NULL; rule++)
        if (strlen(rule->id) == length && memcmp(rule->id, id, length) == 0)
            return rule;
    return NULL;
}

char *rules_text(char *out)
{
    size_t used = 0;

    for (const struct rule *rule = rules; rule->id != NULL && used < RULES_TEXT; rule++)
        used += (size_t)snprintf(out + used, RULES_TEXT - used, "%s%s", used > 0 ? ", " : "", rule->id);
    return out;
}

const char *no_moments(const struct advice *advice)
{
    return advice->times.count < TREND_LEAST
               ? "its lines were looked at too seldom: it was short. Marks (trace.h) are looked at, too."
               : NULL;
}

const char *no_types(const struct advice *advice)
{
    return advice_has_python(advice) && advice->profile.types.count < 2
               ? "which types blocks are of is not in the record."
               : NULL;
}

bool advice_has_python(const struct advice *advice)
{
    for (size_t i = 0; i < advice->facts_count; i++)
        if (advice->facts[i].language == ADVICE_PYTHON)
            return true;
    return false;
}

const char *no_pages(const struct advice *advice)
{
    static const char why[] =
        "nobody looked at its pages: it was short, that was not allowed, or a filter is about stacks.";

    return advice->resident.moments == 0 ? why : NULL;
}

/* One sentence for both, as they are named together. */
static const char no_fates[] = "it was recorded by an earlier libtrace, which did not count that.";

const char *no_frees_by_thread(const struct advice *advice)
{
    bool threads = advice->run->threads > advice->run->processes;

    return threads && !advice->fates_known ? no_fates : NULL;
}

const char *no_copies(const struct advice *advice)
{
    return advice->fates_known ? NULL : no_fates;
}

const char *no_contents(const struct advice *advice)
{
    static const char why[] = "nobody compared the contents of its blocks: it was short, has few or large "
                              "ones, that was not allowed, "
                              "or it was recorded by an earlier libtrace.";

    return advice->contents_known ? NULL : why;
}

const char *facts_type(const struct advice *advice, const struct facts *facts)
{
    return advice->profile.types.text[facts->type];
}

#define CLASSES_LEAST 4 /* this many powers of two, and as many blocks in the first of them */
#define RATIO_LEAST 1.6
#define RATIO_MOST 2.5

bool sizes_rise_evenly(const struct facts *facts)
{
    const uint64_t *n = facts->blocks.sizes;
    int classes = 0, last = STORE_HISTOGRAM_CLASSES - 1;

    while (last > 0 && n[last] == 0)
        last--;
    /* The last class is cut off by the largest block. */
    for (int i = last - 1; i > 1 && n[i - 1] >= CLASSES_LEAST; i--, classes++)
        if ((double)n[i] < RATIO_LEAST * (double)n[i - 1] || (double)n[i] > RATIO_MOST * (double)n[i - 1])
            break;
    return classes >= CLASSES_LEAST - 1 && (double)n[last] <= RATIO_MOST * (double)n[last - 1];
}
