/* short_lock.h - a lock that is held for microseconds.
 *
 * Never by threads that a fork left behind (short_lock_open() in the child), and never needed by a signal handler that
 * interrupts its holder, as the recorder allows no second event with the same state. Should it be held for long in spite
 * of that, those who want it do without.
 */
#ifndef LIBTRACE_SHORT_LOCK_H
#define LIBTRACE_SHORT_LOCK_H

#include "guest.h"
#include "guest_assert.h"
#include "processor.h"

#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>

struct short_lock {
    _Atomic bool held;
};

static inline bool short_lock_take(struct short_lock *lock)
{
    for (int tries = 0; atomic_exchange_explicit(&lock->held, true, memory_order_acquire); tries++) {
        if (tries > 10000)
            return false;
        if (tries > 10 && !guest_confined)
            sched_yield();
        else
            processor_pause();
    }
    return true;
}

static inline bool short_lock_held(const struct short_lock *lock)
{
    return atomic_load(&lock->held);
}

static inline void short_lock_give_back(struct short_lock *lock)
{
    guest_assert(short_lock_held(lock));
    atomic_store_explicit(&lock->held, false, memory_order_release);
}

/* In a forked child: whoever held it is not there. */
static inline void short_lock_open(struct short_lock *lock)
{
    atomic_store(&lock->held, false);
}

#endif
