/* samples.c - see samples.h. */
#include "samples.h"

#define ROWS_MAX 100000u       /* a run, at snapshots */
#define ROWS_SHARE 8           /* the most of what is left of them that one snapshot may take: 1/8 */
#define MARK_ROWS_MAX 250000u  /* a run, at marks */
#define LOOKS_MAX 200000000ull /* at sites, at marks: a second or so in all */

static struct sample_counts counts_of(const struct site *site)
{
    return (struct sample_counts){site->allocations, site->bytes, site->frees, site->freed_bytes,
                                  site->temporary};
}

/* A realloc that fails takes its free back, so every count is compared. */
static bool same(const struct sample_counts *a, const struct sample_counts *b)
{
    return a->allocations == b->allocations && a->frees == b->frees && a->temporary == b->temporary &&
           a->bytes == b->bytes && a->freed_bytes == b->freed_bytes;
}

static bool add_row(struct samples *samples, uint32_t place, uint32_t index, const struct site *site,
                    uint64_t t_ns)
{
    const struct sample_counts *told = GROW_AT(&samples->told, struct sample_counts, index);
    const struct sample_counts now = counts_of(site);
    struct sample *row = told ? GROW_AT(&samples->rows, struct sample, place) : NULL;
    if (!row)
        return false;
    *row = (struct sample){.t_ns = t_ns,
                           .site = index,
                           .process = site->process,
                           .thread = site->thread,
                           .node = site->node,
                           .change = {now.allocations - told->allocations, now.bytes - told->bytes,
                                      now.frees - told->frees, now.freed_bytes - told->freed_bytes,
                                      now.temporary - told->temporary}};
    return true;
}

/* The rows stay: they are told of from here on. */
static void keep(struct samples *samples, const struct ledger *ledger, uint32_t count)
{
    for (; samples->count < count; samples->count++) {
        uint32_t site = ((const struct sample *)samples->rows.memory)[samples->count].site;
        ((struct sample_counts *)samples->told.memory)[site] = counts_of(ledger_site(ledger, site));
    }
}

bool samples_take(struct samples *samples, const struct ledger *ledger, uint64_t t_ns, bool at_mark)
{
    uint64_t most =
        at_mark ? MARK_ROWS_MAX - samples->mark_rows_used : (ROWS_MAX - samples->rows_used) / ROWS_SHARE;
    uint32_t count = samples->count;
    if (at_mark && (samples->looks_used += ledger->count) > LOOKS_MAX)
        return false;
    for (uint32_t i = 1; i <= ledger->count; i++) {
        const struct sample_counts *told = GROW_AT(&samples->told, struct sample_counts, i);
        const struct site *site = ledger_site(ledger, i);
        const struct sample_counts now = counts_of(site);
        if (told && same(told, &now))
            continue;
        if (count - samples->count == most || !add_row(samples, count, i, site, t_ns))
            return false;
        count++;
    }
    *(at_mark ? &samples->mark_rows_used : &samples->rows_used) += count - samples->count;
    keep(samples, ledger, count);
    return true;
}
