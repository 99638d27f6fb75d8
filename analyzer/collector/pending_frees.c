/* pending_frees.c - see pending_frees.h. */
#include "pending_frees.h"
#include "shortage.h"

#include <assert.h>
#include <stdlib.h>

__attribute__((noinline)) struct pending_frees *pending_look_up(struct pending_frees *pending,
                                                                uint64_t address)
{
    struct pending_frees *found = NULL;
    HASH_FIND(hh, pending, &address, sizeof address, found);
    return found;
}

struct pending_frees *pending_make(struct pending_frees **pending, uint64_t address)
{
    struct pending_frees *one = pending_find(*pending, address);
    if (one)
        return one;
    one = SHORTAGE_UNLESS(calloc(1, sizeof *one));
    if (!one)
        return NULL;
    one->address = address;
    HASH_ADD(hh, *pending, address, sizeof one->address, one);
    return one;
}

void pending_settle(struct pending_frees **pending, struct pending_frees *one)
{
    if (one->owed == 0 && one->waiting == 0) {
        HASH_DEL(*pending, one);
        free(one);
    }
}

uint64_t pending_expire(struct pending_frees **pending, uint32_t sweep, bool last,
                        void (*freed)(void *data, uint64_t address), void *data)
{
    struct pending_frees *one, *next;
    uint64_t expired = 0;
    HASH_ITER(hh, *pending, one, next)
    {
        assert(one->owed || one->waiting); /* otherwise it would have been dropped */
        if (one->waiting && (last || sweep - one->sweep >= 2)) {
            freed(data, one->address);
            expired += one->waiting;
            one->waiting = 0;
        }
        if (last)
            one->owed = 0;
        pending_settle(pending, one);
    }
    return expired;
}
