/* advice.c - see advice.h. */
#include "advice.h"
#include "facts.h"
#include "findings.h"
#include "advice_rules.h"
#include "sampled_rules.h"

#include <stdlib.h>

static int ask_rules(struct advice *advice, const bool *which)
{
    for (const struct rule *rule = rules; rule->id != NULL && advice->status == EXIT_FINE; rule++)
        if ((which == NULL || which[rule - rules]) && rule_lacks(advice, rule) == NULL) {
            size_t first = advice->finding_count;

            rule->find(advice);
            sampled_rules_check(advice, first);
        }
    return advice->status;
}

static int read_pages(const struct report *report, struct advice *advice)
{
    if (filter_has_stacks(advice->filter) || advice->filter->thread != NULL) /* of pages neither is known */
        return EXIT_FINE;
    int status = resident_read(report, advice->run, advice->filter, NULL, 0, &advice->resident);

    if (status == EXIT_FINE && advice->resident.moments > 0)
        status = resident_lines_read(report, advice->run, advice->filter, advice->resident.moment.id,
                                     RESIDENT_BY_PINNED, 0, &advice->pinned);
    return status;
}

int advice_read(const struct report *report, const struct run *run, const struct advice_query *query,
                struct advice *advice)
{
    const struct profile_query stacks = {.run = run, .filter = query->filter, .no_sites = 1};

    *advice = (struct advice){
        .report = report, .run = run, .filter = query->filter, .peak_without = run->t.m.peak_bytes};
    int status = suppressed_read(report, &advice->known);

    if (status == EXIT_FINE)
        status = profile_load(report, &stacks, &advice->profile);
    if (status == EXIT_FINE)
        status = facts_read(advice);
    if (status == EXIT_FINE)
        status = times_read(advice);
    if (status == EXIT_FINE)
        status = fates_read(advice);
    if (status == EXIT_FINE)
        status = contents_read(advice);
    if (status == EXIT_FINE)
        status = read_pages(report, advice);
    if (status == EXIT_FINE)
        status = ask_rules(advice, query->rules);
    if (status == EXIT_FINE)
        findings_settle(advice, query->all);
    return status;
}

void advice_free(struct advice *advice)
{
    findings_free(advice);
    for (size_t i = 0; i < advice->facts_count; i++)
        free(advice->facts[i].moment);
    free(advice->facts);
    free(advice->sites);
    suppressed_free(&advice->known);
    free(advice->place_is_own);
    free(advice->place_is_wrapper);
    times_free(&advice->times);
    resident_lines_free(&advice->pinned);
    resident_free(&advice->resident);
    profile_free(&advice->profile);
    *advice = (struct advice){0};
}
