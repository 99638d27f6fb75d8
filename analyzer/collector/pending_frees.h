/* pending_frees.h - addresses whose events came out of order.
 *
 * With more than one ring, only every few events carry a time, and the order in between is not known. For any one
 * address, allocations and frees alternate, so a wrong order is visible:
 *
 *   an allocation of an address that is live: the free in between is late. The old block is retired now, and one
 *   free of this address is owed;
 *   a free of an unknown address: it waits for a late allocation until the next sweep is over. If none comes, the
 *   block was from before the trace.
 */
#ifndef LIBTRACE_PENDING_FREES_H
#define LIBTRACE_PENDING_FREES_H

#include "fast.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

struct pending_frees {
    uint64_t address;            /* key */
    uint32_t owed;               /* frees still to come for blocks that are retired, */
    uint32_t owed_site, owed_by; /* and of the latest of these: its site and maker, see struct block */
    uint32_t waiting;            /* frees that came before their allocation */
    uint32_t sweep;              /* in which the latest of those came */
    uint32_t thread;             /* that it came from: index into tracker.threads, */
    uint32_t by;                 /* and as blocks know it */
    UT_hash_handle hh;
};

struct pending_frees *pending_look_up(struct pending_frees *pending, uint64_t address);

/* NULL if there is nothing for an address. pending: of the process, mostly NULL. */
INLINE struct pending_frees *pending_find(struct pending_frees *pending, uint64_t address)
{
    return UNLIKELY(pending != NULL) ? pending_look_up(pending, address) : NULL;
}

/* The same, added if it is missing; NULL = out of memory. */
struct pending_frees *pending_make(struct pending_frees **pending, uint64_t address);

/* Removes an address for which nothing more is expected. */
void pending_settle(struct pending_frees **pending, struct pending_frees *one);

/* Gives up on frees that have waited for a whole sweep, or all if `last`: calls freed for each of their
 * addresses, and returns how many there are. */
uint64_t pending_expire(struct pending_frees **pending, uint32_t sweep, bool last,
                        void (*freed)(void *data, uint64_t address), void *data);

#endif
