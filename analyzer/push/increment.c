/* increment.c - see increment.h. */
#include "increment.h"

#include <stdlib.h>
#include <string.h>

/* A stack of a type: what it had when it was pushed last, and what it has more now. */
struct change {
    struct pushed_site pushed;
    int64_t allocations, bytes;
    struct profile_site *site; /* NULL = it has nothing any more */
};

/* ---- types that were guessed ----------------------------------------------------------------- */

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Those of one stack come together. */
static int by_stack(const void *one, const void *other)
{
    const struct pushed_site *a = &((const struct change *)one)->pushed;
    const struct pushed_site *b = &((const struct change *)other)->pushed;

    return a->parent != b->parent ? order(a->parent, b->parent) : order(a->frame, b->frame);
}

static int by_node(const void *one, const void *other)
{
    return order(((const struct change *)one)->pushed.node, ((const struct change *)other)->pushed.node);
}

/* What one has less is not new in the other. */
static void move(int64_t *less, int64_t *less_pushed, int64_t *more, int64_t *more_pushed)
{
    int64_t moved = *less < 0 && *more > 0 ? (-*less < *more ? -*less : *more) : 0;

    *less += moved;
    *less_pushed -= moved;
    *more -= moved;
    *more_pushed += moved;
}

static void move_within_stack(struct change *changes, size_t count)
{
    for (struct change *less = changes; less < changes + count; less++)
        for (struct change *more = changes; more < changes + count; more++) {
            move(&less->allocations, &less->pushed.allocations, &more->allocations,
                 &more->pushed.allocations);
            move(&less->bytes, &less->pushed.bytes, &more->bytes, &more->pushed.bytes);
        }
}

/* A process's latest object counts for the type that is expected at its line until its own is known; if that is
 * another, it moves to the other type of the same stack. */
static void move_between_types(struct change *changes, size_t count)
{
    size_t end, less = 0;

    while (less < count && changes[less].allocations >= 0 && changes[less].bytes >= 0)
        less++;
    if (less == count) /* nearly always */
        return;
    qsort(changes, count, sizeof *changes, by_stack);
    for (size_t begin = 0; begin < count; begin = end) {
        for (end = begin + 1; end < count && by_stack(&changes[begin], &changes[end]) == 0; end++)
            ;
        move_within_stack(changes + begin, end - begin);
    }
    qsort(changes, count, sizeof *changes, by_node);
}

/* ---- what is new ----------------------------------------------------------------------------- */

static struct pushed_site never_pushed(const struct profile *p, const struct profile_site *site)
{
    const struct profile_node *node = &p->nodes[site->node];

    return (struct pushed_site){.node = node->number,
                                .parent = node->parent != PROFILE_NONE ? p->nodes[node->parent].number : 0,
                                .frame = p->frames[node->frame].number};
}

/* Both lists are by node: profile_load() reads sites in that order. Returns how many there are of either. */
static size_t compare(const struct profile *p, const struct pushed *before, struct change *changes)
{
    size_t count = 0, at = 0;

    for (size_t i = 0; i < p->site_count || at < before->count;) {
        struct change *c = &changes[count++];
        const struct pushed_site *old = at < before->count ? &before->sites[at] : NULL;

        *c = (struct change){0};
        if (i < p->site_count) {
            c->site = &p->sites[i];
            c->pushed = never_pushed(p, c->site);
        }
        if (old != NULL && (c->site == NULL || old->node <= c->pushed.node)) {
            if (c->site != NULL && old->node < c->pushed.node)
                c->site = NULL;
            c->pushed = *old;
            at++;
        }
        i += c->site != NULL;
        c->allocations = (c->site != NULL ? c->site->m.allocations : 0) - c->pushed.allocations;
        c->bytes = (c->site != NULL ? c->site->m.bytes : 0) - c->pushed.bytes;
    }
    return count;
}

/* What was counted never becomes less in all, but an estimate may: then the site has nothing new until it is more again,
 * and the sum stays right. */
static int64_t advance(int64_t more, int64_t *pushed)
{
    if (more < 0)
        more = 0;
    *pushed += more;
    return more;
}

/* Leaves in the profile what is new, and lists what was there in all. */
static void subtract(struct increment *increment, const struct pushed *before, struct pushed *next)
{
    struct profile *p = &increment->profile;
    size_t most = p->site_count + before->count + 1;
    struct change *changes = calloc(most, sizeof *changes);

    next->sites = calloc(most, sizeof *next->sites);
    size_t count = compare(p, before, changes);

    move_between_types(changes, count);
    for (struct change *c = changes; c < changes + count; c++) {
        int64_t allocations = advance(c->allocations, &c->pushed.allocations);
        int64_t bytes = advance(c->bytes, &c->pushed.bytes);

        if (c->site != NULL) {
            c->site->m.allocations = allocations;
            c->site->m.bytes = bytes;
        }
        next->sites[next->count++] = c->pushed;
    }
    free(changes);
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
    if (status != EXIT_FINE)
        return status;
    subtract(increment, before, next);
    set_interval(increment, before, next);
    return EXIT_FINE;
}

void increment_free(struct increment *increment)
{
    profile_free(&increment->profile);
    run_free(&increment->run);
    report_close(increment->report);
}
