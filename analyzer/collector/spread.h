/* spread.h - how far the counts of a sampled run may be from the truth: the variances of what is counted for a site.
 *
 * See include/sampling_rule.h for what is added up. As for the counts themselves (ledger.h), what a site had at the latest
 * peak is noted when the site changes for the first time after it. In a run that is not sampled there are none.
 */
#ifndef LIBTRACE_SPREAD_H
#define LIBTRACE_SPREAD_H

#include "ledger.h"

/* Variances, of blocks and of bytes. */
struct variance {
    double blocks, bytes;
};

struct spread {
    struct variance allocated, freed;
    struct variance peak; /* of what was live at peak number peak_seen */
    uint32_t peak_seen;
};

/* To be called after the ledger has counted an allocation or a free of a block that stands for `weight` blocks. */
void spread_alloc(struct ledger *ledger, uint32_t site, uint64_t size, uint64_t weight);
void spread_free(struct ledger *ledger, uint32_t site, uint64_t size, uint64_t weight);

/* After ledger_take_back(); peak: ledger.peak before that allocation. */
void spread_take_back(struct ledger *ledger, uint32_t from, uint32_t to, uint32_t peak, uint64_t size,
                      uint64_t weight);

/* After ledger_unfree(). */
void spread_unfree(struct ledger *ledger, uint32_t site, uint64_t size, uint64_t weight);

struct spread_known {
    struct variance all, live, peak;
};

/* What is known of a site. last_peak: as for ledger_at_peak(). */
struct spread_known spread_of(const struct ledger *ledger, uint32_t site, uint32_t last_peak);

#endif
