/* limbo.h - addresses whose events came out of order.
 *
 * With more than one ring every few events carry their time, and the order in between is not known. For one
 * address allocations and frees alternate, so a wrong order shows:
 *
 *   an allocation of an address that lives: the free in between is late. The old block is retired now, and
 *   one free of this address is owed;
 *   a free of an unknown address: waits for a late allocation until the next sweep is over. If none came it
 *   was a block from before the trace.
 */
#ifndef LIBTRACE_LIMBO_H
#define LIBTRACE_LIMBO_H

#include "fast.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

struct limbo {
    uint64_t address; /* key */
    uint32_t owed;    /* frees to come of blocks that are retired */
    uint32_t waiting; /* frees that came before their allocation */
    uint32_t sweep;   /* in which the latest of those came */
    uint32_t thread;  /* from which it came: index into tracker.threads */
    UT_hash_handle hh;
};

struct limbo *limbo_look_up(struct limbo *limbo, uint64_t address);

/* NULL if nothing is known of an address. limbo: the process's, NULL most of the time. */
INLINE struct limbo *limbo_find(struct limbo *limbo, uint64_t address)
{
    return UNLIKELY(limbo != NULL) ? limbo_look_up(limbo, address) : NULL;
}

/* The same, made if it is not there; NULL on lack of memory. */
struct limbo *limbo_make(struct limbo **limbo, uint64_t address);

/* Drops one that nothing is to be expected of any more. */
void limbo_settle(struct limbo **limbo, struct limbo *one);

/* Frees that waited through a whole sweep, or that are the last ones: returns how many. */
uint64_t limbo_expire(struct limbo **limbo, uint32_t sweep, bool last);

#endif
