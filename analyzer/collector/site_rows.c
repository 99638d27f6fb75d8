/* site_rows.c - see site_rows.h. */
#include "site_rows.h"
#include "attribution.h"

#include <stdlib.h>

static size_t encode(const struct histogram *others, uint8_t first, uint64_t total, uint8_t *out)
{
    uint64_t counts[CLASSES];
    if (!others && total == 0)
        return 0;
    ledger_histogram(others, first, total, counts);
    return store_histogram_encode(counts, out);
}

static int by_key(const void *a, const void *b)
{
    return site_key_compare(&((const struct site_row *)a)->key, &((const struct site_row *)b)->key);
}

void site_rows_sort(struct site_row *rows, size_t count)
{
    qsort(rows, count, sizeof *rows, by_key);
}

static void merge_histogram(struct histogram **into, uint8_t first, const struct histogram *from,
                            uint8_t from_first, uint64_t total)
{
    uint64_t counts[CLASSES];
    ledger_histogram(from, from_first, total, counts);
    for (uint8_t i = 0; i < CLASSES; i++)
        if (counts[i] && i != first)
            ledger_count_other(into, i, (int64_t)counts[i]);
}

/* Sites whose stacks turned out to be the same (a module was loaded twice, for example) become one row. */
static void merge(struct job_site *into, const struct job_site *from)
{
    struct site *a = &into->site;
    const struct site *b = &from->site;
    merge_histogram(&a->sizes, a->size_class, b->sizes, b->size_class, b->allocations);
    merge_histogram(&a->lifetimes, a->lifetime_class, b->lifetimes, b->lifetime_class, b->frees);
    a->allocations += b->allocations;
    a->bytes += b->bytes;
    a->frees += b->frees;
    a->freed_bytes += b->freed_bytes;
    a->temporary += b->temporary;
    a->highest_bytes = a->highest_bytes > b->highest_bytes ? a->highest_bytes : b->highest_bytes;
    a->smallest = a->smallest < b->smallest ? a->smallest : b->smallest;
    a->largest = a->largest > b->largest ? a->largest : b->largest;
    for (int i = 0; i < SITE_VARIANCES; i++)
        into->variance[i] += from->variance[i];
    into->peak_allocations += from->peak_allocations;
    into->peak_bytes += from->peak_bytes;
    into->fate.freed_elsewhere += from->fate.freed_elsewhere;
    into->fate.moves += from->fate.moves;
    into->fate.moved_bytes += from->fate.moved_bytes;
    /* Together they were at least that high. */
    uint64_t live = a->bytes - a->freed_bytes, together = live > into->peak_bytes ? live : into->peak_bytes;
    a->highest_bytes = a->highest_bytes > together ? a->highest_bytes : together;
}

static void note_fate(struct site_rows *sites, struct site_key key, const struct site_fate *fate)
{
    struct store_site_fate *row = fate->freed_elsewhere || fate->moves
                                      ? GROW_AT(&sites->fates, struct store_site_fate, sites->fate_count)
                                      : NULL;
    if (!row)
        return;
    *row = (struct store_site_fate){key, (int64_t)fate->freed_elsewhere, (int64_t)fate->moves,
                                    (int64_t)fate->moved_bytes};
    sites->fate_count++;
}

int site_rows_next(void *data, struct store_site *row)
{
    struct site_rows *sites = data;
    const struct site_row *at = sites->next;
    uint64_t limit = at < sites->end ? at->site->site.highest_bytes : 0; /* of all sites that share the row */
    while (at + 1 < sites->end && by_key(at, at + 1) == 0) {
        limit += at[1].site->site.highest_bytes;
        merge((struct job_site *)at[1].site, at->site);
        at++;
    }
    if (at == sites->end)
        return 0;
    sites->next = at + 1;
    const struct site *site = &at->site->site;
    *row = (struct store_site){
        .key = at->key,
        .line = attribution_line(&at->attribution),
        .leaf = at->attribution.innermost,
        .m = {.allocations = (int64_t)site->allocations,
              .bytes = (int64_t)site->bytes,
              .peak_allocations = (int64_t)at->site->peak_allocations,
              .peak_bytes = (int64_t)at->site->peak_bytes,
              .live_allocations = (int64_t)(site->allocations - site->frees),
              .live_bytes = (int64_t)(site->bytes - site->freed_bytes),
              .temporary = (int64_t)site->temporary,
              .own_peak_bytes = (int64_t)limit,
              .own_peak_bytes_least = (int64_t)site->highest_bytes},
        .smallest = site->allocations ? (int64_t)site->smallest : 0,
        .largest = (int64_t)site->largest,
    };
    note_fate(sites, at->key, &at->site->fate);
    row->sizes_size =
        site->sizes ? encode(site->sizes, site->size_class, site->allocations, sites->sizes) : 0;
    row->sizes = row->sizes_size ? sites->sizes : NULL;
    row->lifetimes_size = encode(site->lifetimes, site->lifetime_class, site->frees, sites->lifetimes);
    row->lifetimes = row->lifetimes_size ? sites->lifetimes : NULL;
    return 1;
}

int site_rows_next_error(struct site_rows *sites, struct store_site_error *row)
{
    const struct site_row *at = sites->next;
    while (at + 1 < sites->end && by_key(at, at + 1) == 0) /* the last one has the sums by now */
        at++;
    if (at == sites->end)
        return 0;
    sites->next = at + 1;
    const float *variance = at->site->variance;
    *row = (struct store_site_error){.key = at->key,
                                     .allocations = variance[ALL_BLOCKS],
                                     .bytes = variance[ALL_BYTES],
                                     .live_allocations = variance[LIVE_BLOCKS],
                                     .live_bytes = variance[LIVE_BYTES],
                                     .peak_allocations = variance[PEAK_BLOCKS],
                                     .peak_bytes = variance[PEAK_BYTES]};
    return 1;
}
