/* spread.c - see spread.h. */
#include "spread.h"

#define NONE ((struct variance){0, 0})

static struct variance of_block(uint64_t size, uint64_t weight)
{
    double blocks = (double)weight * (double)(weight - 1);
    return (struct variance){blocks, blocks * (double)size * (double)size};
}

static void add(struct variance *sum, struct variance other, double sign)
{
    sum->blocks += sign * other.blocks;
    sum->bytes += sign * other.bytes;
}

/* Small differences of large numbers may be a little below 0. */
static struct variance difference(struct variance a, struct variance b)
{
    struct variance d = {a.blocks - b.blocks, a.bytes - b.bytes};
    return (struct variance){d.blocks > 0 ? d.blocks : 0, d.bytes > 0 ? d.bytes : 0};
}

/* Before a site changes: notes what it had at the latest peak that is over. NULL = out of memory. */
static struct spread *folded(struct ledger *ledger, uint32_t site)
{
    struct spread *spread = GROW_AT(&ledger->spreads, struct spread, site);
    if (spread && spread->peak_seen != ledger->peak) {
        spread->peak_seen = ledger->peak;
        spread->peak = difference(spread->allocated, spread->freed);
    }
    return spread;
}

void spread_alloc(struct ledger *ledger, uint32_t site, uint64_t size, uint64_t weight)
{
    struct spread *spread = folded(ledger, site);
    if (spread)
        add(&spread->allocated, of_block(size, weight), 1);
}

void spread_free(struct ledger *ledger, uint32_t site, uint64_t size, uint64_t weight)
{
    struct spread *spread = folded(ledger, site);
    if (spread)
        add(&spread->freed, of_block(size, weight), 1);
}

void spread_unfree(struct ledger *ledger, uint32_t site, uint64_t size, uint64_t weight)
{
    struct spread *spread = folded(ledger, site);
    if (spread)
        add(&spread->freed, of_block(size, weight), -1);
}

void spread_take_back(struct ledger *ledger, uint32_t from, uint32_t to, uint32_t peak, uint64_t size,
                      uint64_t weight)
{
    struct variance block = of_block(size, weight);
    const uint32_t sites[] = {from, to};
    for (int i = 0; i < 2; i++) {
        struct spread *spread = folded(ledger, sites[i]);
        if (!spread)
            continue;
        add(&spread->allocated, block, i ? 1 : -1);
        if (peak != ledger->peak)
            add(&spread->peak, block, i ? 1 : -1);
    }
}

struct spread_known spread_of(const struct ledger *ledger, uint32_t site, uint32_t last_peak)
{
    struct spread_known known = {NONE, NONE, NONE};
    if ((site + 1ull) * sizeof(struct spread) > ledger->spreads.room)
        return known;
    const struct spread *spread = (const struct spread *)ledger->spreads.memory + site;
    known.all = difference(spread->allocated, NONE);
    known.live = difference(spread->allocated, spread->freed);
    if (last_peak != LEDGER_LIVES && (ledger->at_peak || ledger->peak > last_peak))
        return known;
    known.peak =
        ledger->at_peak || spread->peak_seen != ledger->peak ? known.live : difference(spread->peak, NONE);
    return known;
}
