/* sampled_rules.c - see sampled_rules.h.
 *
 * Samples prove what is told by sums of bytes. They do not prove that there were never two blocks at once, that a block was
 * freed before the next one was allocated (most events in between were not seen), where blocks lie in memory, or how
 * many small ones there are of each size.
 */
#include "sampled_rules.h"
#include "sampling.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* The limits of growing_leak.c and growth_by_copy.c. */
#define GROWS_TIMES 4
#define BYTES_TIMES 16

static double evidence(const struct finding *finding, const char *name)
{
    for (size_t i = 0; i < FINDING_EVIDENCE && finding->evidence[i].name != NULL; i++)
        if (strcmp(finding->evidence[i].name, name) == 0)
            return finding->evidence[i].value;
    return 0;
}

/* True if so many bytes are above their limit, which may be an estimate too, by more than the samples may be off. */
static bool is_above(const struct advice *advice, double bytes, double limit, double limit_variance)
{
    double interval = (double)advice->run->sampling.interval;

    return bytes > limit && bytes >= VARIANCES_SAMPLES * interval &&
           !variances_explain(bytes - limit, interval * bytes, limit_variance);
}

static bool grows(const struct advice *advice, const struct finding *f)
{
    double first = evidence(f, "first_bytes"), interval = (double)advice->run->sampling.interval;

    return is_above(advice, evidence(f, "last_bytes"), GROWS_TIMES * first,
                    GROWS_TIMES * GROWS_TIMES * interval * first);
}

static bool copies(const struct advice *advice, const struct finding *f)
{
    const struct facts *facts = f->relief_count > 0 ? &advice->facts[f->reliefs[0].facts] : NULL;

    return facts != NULL &&
           is_above(advice, (double)facts->m.bytes, BYTES_TIMES * (double)facts->largest_each, 0);
}

static const struct sampled_rule {
    const char *id;
    bool (*holds)(const struct advice *advice, const struct finding *finding);
} sampled_rules[] = {{"growing-leak", grows}, {"growth-by-copy", copies}};
#define SAMPLED_RULES (sizeof sampled_rules / sizeof sampled_rules[0])

static const struct sampled_rule *find(const char *id)
{
    for (size_t i = 0; i < SAMPLED_RULES; i++)
        if (strcmp(sampled_rules[i].id, id) == 0)
            return &sampled_rules[i];
    return NULL;
}

const char *rule_lacks(const struct advice *advice, const struct rule *rule)
{
    static const char why[] = "it is sampled, and samples do not prove that. Record it without --sample.";

    if (sampling_is_on(advice->run) && find(rule->id) == NULL)
        return why;
    return rule->lacks != NULL ? rule->lacks(advice) : NULL;
}

void sampled_rules_check(struct advice *advice, size_t first)
{
    size_t kept = first;

    if (!sampling_is_on(advice->run))
        return;
    for (size_t i = first; i < advice->finding_count; i++) {
        struct finding *f = &advice->findings[i];
        const struct sampled_rule *rule = find(f->rule->id);

        if (rule != NULL && rule->holds(advice, f)) {
            advice->findings[kept++] = *f;
            continue;
        }
        free(f->what);
        free(f->remedy);
    }
    advice->finding_count = kept;
}
