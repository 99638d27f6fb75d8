/* limbo.c - see limbo.h. */
#include "limbo.h"
#include "shortage.h"

#include <stdlib.h>

__attribute__((noinline)) struct limbo *limbo_look_up(struct limbo *limbo, uint64_t address)
{
    struct limbo *found = NULL;
    HASH_FIND(hh, limbo, &address, sizeof address, found);
    return found;
}

struct limbo *limbo_make(struct limbo **limbo, uint64_t address)
{
    struct limbo *one = limbo_find(*limbo, address);
    if (one)
        return one;
    one = SHORTAGE_UNLESS(calloc(1, sizeof *one));
    if (!one)
        return NULL;
    one->address = address;
    HASH_ADD(hh, *limbo, address, sizeof one->address, one);
    return one;
}

void limbo_settle(struct limbo **limbo, struct limbo *one)
{
    if (one->owed == 0 && one->waiting == 0) {
        HASH_DEL(*limbo, one);
        free(one);
    }
}

uint64_t limbo_expire(struct limbo **limbo, uint32_t sweep, bool last)
{
    struct limbo *one, *next;
    uint64_t expired = 0;
    HASH_ITER(hh, *limbo, one, next)
    {
        if (one->waiting && (last || sweep - one->sweep >= 2)) {
            expired += one->waiting;
            one->waiting = 0;
        }
        if (last)
            one->owed = 0;
        limbo_settle(limbo, one);
    }
    return expired;
}
