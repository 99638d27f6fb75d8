/* increment.c - see increment.h. */
#include "increment.h"

#include <stdlib.h>
#include <string.h>

/* Both lists are in the order in which profile_load() reads sites. */
static const struct pushed_site *find(const struct pushed *before, size_t *at, int64_t node)
{
    while (*at < before->count && before->sites[*at].node < node)
        ++*at;
    return *at < before->count && before->sites[*at].node == node ? &before->sites[*at] : NULL;
}

/* What was counted never becomes less, but an estimate may: then the site has nothing new until it is more again, and
 * the sum stays right. */
static int64_t advance(int64_t *value, int64_t *pushed)
{
    int64_t more = *value > *pushed ? *value - *pushed : 0;

    *pushed += more;
    return *value = more;
}

/* Leaves in the profile what is new, and lists what was there in all. */
static int subtract(struct increment *increment, const struct pushed *before, struct pushed *next)
{
    struct profile *p = &increment->profile;
    size_t at = 0;

    next->sites = calloc(p->site_count + 1, sizeof *next->sites);
    if (next->sites == NULL)
        return 0;
    for (size_t i = 0; i < p->site_count; i++) {
        struct pushed_site *site = &next->sites[next->count++];

        *site = (struct pushed_site){.node = p->nodes[p->sites[i].node].number};
        const struct pushed_site *old = find(before, &at, site->node);

        if (old != NULL)
            *site = *old;
        advance(&p->sites[i].m.allocations, &site->allocations);
        advance(&p->sites[i].m.bytes, &site->bytes);
    }
    return 1;
}

static void set_interval(struct increment *increment, const struct pushed *before, struct pushed *next)
{
    int64_t started_ns = export_started(&increment->run) * 1000000000;
    struct export_interval *interval = &increment->interval;

    interval->from_ns = before->until_ns != 0 ? before->until_ns : started_ns;
    interval->until_ns = started_ns + increment->run.t.wall_ns;
    if (interval->until_ns < interval->from_ns)
        interval->until_ns = interval->from_ns;
    next->until_ns = interval->until_ns;
}

int increment_take(struct report *report, const char *run, const struct pushed *before, struct pushed *next,
                   struct increment *increment)
{
    const struct profile_query query = {.run = &increment->run};
    int status = report_open(report);

    *increment = (struct increment){.report = report};
    if (status == EXIT_FINE)
        status = run_find(report, run, &increment->run);
    /* How a stack's blocks are divided among types changes as more of them are looked at, so that parts could become
     * less: stacks are pushed whole. */
    increment->run.divided = 0;
    if (status == EXIT_FINE)
        status = profile_load(report, &query, &increment->profile);
    if (status == EXIT_FINE && !subtract(increment, before, next))
        status = report_error(report, EXIT_FAILED, "out of memory");
    if (status == EXIT_FINE)
        set_interval(increment, before, next);
    return status;
}

void increment_free(struct increment *increment)
{
    profile_free(&increment->profile);
    run_free(&increment->run);
    report_close(increment->report);
}
