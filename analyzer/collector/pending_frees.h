/* pending_frees.h - addresses whose events came out of order.
 *
 * With more than one ring every few events carry their time, and the order in between is not known. For one
 * address allocations and frees alternate, so a wrong order shows:
 *
 *   an allocation of an address that lives: the free in between is late. The old block is retired now, and
 *   one free of this address is owed;
 *   a free of an unknown address: waits for a late allocation until the next sweep is over. If none came it
 *   was a block from before the trace.
 */
#ifndef LIBTRACE_PENDING_FREES_H
#define LIBTRACE_PENDING_FREES_H

#include "fast.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <uthash.h>

struct pending_frees {
    uint64_t address; /* key */
    uint32_t owed;    /* frees to come of blocks that are retired */
    uint32_t waiting; /* frees that came before their allocation */
    uint32_t sweep;   /* in which the latest of those came */
    uint32_t thread;  /* from which it came: index into tracker.threads */
    UT_hash_handle hh;
};

struct pending_frees *pending_look_up(struct pending_frees *pending, uint64_t address);

/* NULL if nothing is known of an address. pending: the process's, NULL most of the time. */
INLINE struct pending_frees *pending_find(struct pending_frees *pending, uint64_t address)
{
    return UNLIKELY(pending != NULL) ? pending_look_up(pending, address) : NULL;
}

/* The same, made if it is not there; NULL on lack of memory. */
struct pending_frees *pending_make(struct pending_frees **pending, uint64_t address);

/* Drops one that nothing is to be expected of any more. */
void pending_settle(struct pending_frees **pending, struct pending_frees *one);

/* Frees that waited through a whole sweep, or that are the last ones: calls freed for each address of them, and returns
 * how many there are. */
uint64_t pending_expire(struct pending_frees **pending, uint32_t sweep, bool last,
                        void (*freed)(void *data, uint64_t address), void *data);

#endif
