/* samples.c - see samples.h. */
#include "samples.h"

#include <assert.h>

#define ROWS_MAX 100000u /* in a run, for snapshots */
#define ROWS_SHARE 8     /* a snapshot may take at most 1/8 of what is left of these */
#define BOUNDED_SHARE 4  /* where they come back, a larger one: what does not fit now will hardly fit later */
#define MARK_ROWS_MAX 250000u /* in a run, for marks */
#define BETWEEN_ROWS_MAX 20000u
#define PROCESS_ROWS_MAX 500000u     /* in a run, for ends of interpreters */
#define BYTES_A_ROW 128u             /* of a limited file: a row takes a third of that */
#define RENEWED_NS 600000000000ull   /* in a run that is thinned: as long as nothing is merged */
#define BETWEEN_SHARE 8              /* of the time since the start: between such moments */
#define BETWEEN_LEAST_NS 1000000ull  /* but not less than this, */
#define BETWEEN_MOST_NS 250000000ull /* nor more than this, */
#define SITE_STEP_NS 1000ull         /* and this for each site, a hundred times what a look takes */
#define LOOKS_MAX 200000000ull       /* at sites, for marks and for ends: a second or so in all */

static struct sample_counts counts_of(const struct site *site)
{
    return (struct sample_counts){site->allocations, site->bytes, site->frees, site->freed_bytes,
                                  site->temporary};
}

/* A realloc that fails undoes its free, so every count is compared. */
static bool same(const struct sample_counts *a, const struct sample_counts *b)
{
    return a->allocations == b->allocations && a->frees == b->frees && a->temporary == b->temporary &&
           a->bytes == b->bytes && a->freed_bytes == b->freed_bytes;
}

static bool add_row(struct samples *samples, uint32_t place, uint32_t index, const struct site *site,
                    uint64_t t_ns)
{
    const struct sample_counts *sampled = GROW_AT(&samples->sampled, struct sample_counts, index);
    const struct sample_counts now = counts_of(site);
    struct sample *row = sampled ? GROW_AT(&samples->rows, struct sample, place) : NULL;
    if (!row)
        return false;
    *row = (struct sample){.t_ns = t_ns,
                           .site = index,
                           .process = site->process,
                           .thread = site->thread,
                           .node = site->node,
                           .change = {now.allocations - sampled->allocations, now.bytes - sampled->bytes,
                                      now.frees - sampled->frees, now.freed_bytes - sampled->freed_bytes,
                                      now.temporary - sampled->temporary}};
    return true;
}

/* Keeps the rows: what changes from here on goes into later ones. */
static void keep(struct samples *samples, const struct ledger *ledger, uint32_t count)
{
    assert(samples->count <= count);
    for (; samples->count < count; samples->count++) {
        uint32_t index = ((const struct sample *)samples->rows.memory)[samples->count].site;
        struct site *site = ledger_site(ledger, index);
        ((struct sample_counts *)samples->sampled.memory)[index] = counts_of(site);
        site->sampled = true;
    }
}

/* Of a file whose size is limited, the rows of one reason take a third or so at most. */
static uint64_t rows_most(const struct samples *samples, enum samples_reason why)
{
    static const uint64_t most[] = {ROWS_MAX, MARK_ROWS_MAX, BETWEEN_ROWS_MAX, PROCESS_ROWS_MAX};
    uint64_t fitting = samples->most_bytes / BYTES_A_ROW;
    return fitting && fitting < most[why] ? fitting : most[why];
}

void samples_bound(struct samples *samples, uint64_t most_bytes)
{
    samples->bounded = true;
    samples->most_bytes = most_bytes;
}

/* What was used of the rows is free again after a while, evenly. */
static void renew(struct samples *samples, uint64_t now_ns)
{
    const enum samples_reason renewed[] = {SAMPLES_SNAPSHOT, SAMPLES_BETWEEN};
    uint64_t passed_ns = now_ns > samples->renewed_ns ? now_ns - samples->renewed_ns : 0;
    if (!samples->bounded || passed_ns < RENEWED_NS / 1000)
        return;
    samples->renewed_ns = now_ns;
    for (size_t i = 0; i < sizeof renewed / sizeof renewed[0]; i++) {
        uint64_t *used = &samples->rows_used[renewed[i]];
        uint64_t freed =
            passed_ns < RENEWED_NS ? rows_most(samples, renewed[i]) * passed_ns / RENEWED_NS : *used;
        *used -= freed < *used ? freed : *used;
    }
}

static uint64_t rows_left(const struct samples *samples, enum samples_reason why)
{
    assert(samples->rows_used[why] <= rows_most(samples, why));
    uint64_t left = rows_most(samples, why) - samples->rows_used[why];
    if (why == SAMPLES_MARK || why == SAMPLES_PROCESS)
        return left;
    return left / (samples->bounded ? BOUNDED_SHARE : ROWS_SHARE);
}

static void add_moment(struct samples *samples, bool changed, uint64_t t_ns)
{
    struct moment *last =
        samples->moment_count ? (struct moment *)samples->moments.memory + samples->moment_count - 1 : NULL;
    samples->stirred = false;
    if (last && !changed) {
        last->until_ns = t_ns;
        return;
    }
    struct moment *moment = GROW_AT(&samples->moments, struct moment, samples->moment_count);
    if (!moment)
        return;
    *moment = (struct moment){t_ns, t_ns};
    samples->moment_count++;
}

static void set_next(struct samples *samples, uint64_t t_ns, uint32_t sites)
{
    uint64_t step = t_ns / BETWEEN_SHARE, least = sites * SITE_STEP_NS;
    step = step < BETWEEN_MOST_NS ? step : BETWEEN_MOST_NS;
    least = least > BETWEEN_LEAST_NS ? least : BETWEEN_LEAST_NS;
    samples->next_ns = t_ns + (step > least ? step : least);
}

bool samples_take(struct samples *samples, const struct ledger *ledger, uint64_t t_ns,
                  enum samples_reason why)
{
    renew(samples, t_ns);
    uint64_t most = rows_left(samples, why);
    uint32_t count = samples->count;
    set_next(samples, t_ns, ledger->count);
    if (why == SAMPLES_MARK && (samples->looks_used += ledger->count) > LOOKS_MAX)
        return false;
    for (uint32_t i = 1; i <= ledger->count; i++) {
        const struct sample_counts *sampled = GROW_AT(&samples->sampled, struct sample_counts, i);
        const struct site *site = ledger_site(ledger, i);
        const struct sample_counts now = counts_of(site);
        if (sampled && same(sampled, &now))
            continue;
        if (count - samples->count == most || !add_row(samples, count, i, site, t_ns))
            return false;
        count++;
    }
    samples->rows_used[why] += count - samples->count;
    add_moment(samples, count != samples->count, t_ns);
    keep(samples, ledger, count);
    return true;
}

static bool same_live(const struct sample_counts *a, const struct sample_counts *b)
{
    return a->allocations - a->frees == b->allocations - b->frees &&
           a->bytes - a->freed_bytes == b->bytes - b->freed_bytes;
}

bool samples_take_process(struct samples *samples, const struct ledger *ledger, uint32_t process,
                          uint64_t t_ns)
{
    uint64_t most = rows_left(samples, SAMPLES_PROCESS);
    uint32_t count = samples->count;
    if ((samples->process_looks_used += ledger->count) > LOOKS_MAX)
        return false;
    for (uint32_t i = 1; i <= ledger->count; i++) {
        const struct site *site = ledger_site(ledger, i);
        if (site->process != process)
            continue;
        const struct sample_counts *sampled = GROW_AT(&samples->sampled, struct sample_counts, i);
        const struct sample_counts now = counts_of(site);
        if (sampled && same_live(sampled, &now))
            continue;
        if (count - samples->count == most || !add_row(samples, count, i, site, t_ns))
            return false;
        count++;
    }
    samples->rows_used[SAMPLES_PROCESS] += count - samples->count;
    keep(samples, ledger, count);
    return true;
}

bool samples_due(const struct samples *samples, uint64_t now_ns)
{
    return samples->stirred && now_ns >= samples->next_ns;
}

void samples_hold(struct samples *samples, uint64_t now_ns)
{
    if (!samples->stirred && samples->moment_count)
        ((struct moment *)samples->moments.memory)[samples->moment_count - 1].until_ns = now_ns;
}
