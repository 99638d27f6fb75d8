/* number_cache.h - a process-wide map from 64 bits to 32 that forgets entries when a set is full.
 *
 * Sets of four places, one cache line each. Look-ups take no lock and never wait, nor does dropping an entry;
 * entries are put under the caller's lock. What was forgotten, the caller has to work out again, under a new number.
 *
 * When a set is full, the table is copied to one of twice as many sets, up to a limit. Others may still be reading
 * the one before: it stays mapped, but its memory is given back, so that they find nothing there, and ask under the lock.
 */
#ifndef LIBTRACE_PYTHON_NUMBER_CACHE_H
#define LIBTRACE_PYTHON_NUMBER_CACHE_H

#include "guest.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#define TABLE_WAYS 4u

struct table_place {
    _Atomic uint64_t key; /* 0 = empty */
    _Atomic uint32_t value;
    uint32_t unused;
};

#define TABLE_LEAST_BITS 6u /* a page */
#define TABLE_MOST_BITS 20u

struct table {
    _Atomic uintptr_t places;   /* their address, in whole pages | log2 of the number of sets; 0 = none yet */
    _Atomic uintptr_t next;     /* those that they are being copied to; 0 = none */
    uint32_t most_bits;         /* log2 of the most sets; the owner's */
    _Atomic uint32_t forgotten; /* entries that were replaced because their set was full */
    void *left[TABLE_MOST_BITS]; /* the places from which it has grown, by log2 of the number of sets */
};

/* True if keys may have been forgotten. */
static inline bool table_forgets(const struct table *table)
{
    return atomic_load_explicit(&table->forgotten, memory_order_relaxed) != 0;
}

#define TABLE_BITS_MASK ((uintptr_t)63)

static inline struct table_place *table_set(uintptr_t places, uint64_t key)
{
    uint64_t hash = key * 0x9e3779b97f4a7c15ull;
    struct table_place *first = (struct table_place *)(places & ~TABLE_BITS_MASK);
    return first + (hash >> (64 - (places & TABLE_BITS_MASK))) * TABLE_WAYS;
}

/* The value of a key; 0 = none. */
static inline uint32_t table_get(const struct table *table, uint64_t key)
{
    uintptr_t places = atomic_load_explicit(&table->places, memory_order_acquire);
    if (UNLIKELY(!places))
        return 0;
    struct table_place *set = table_set(places, key);
    for (unsigned way = 0; way < TABLE_WAYS; way++) {
        if (atomic_load_explicit(&set[way].key, memory_order_acquire) == key) {
            uint32_t value = atomic_load_explicit(&set[way].value, memory_order_acquire);
            /* The place may have been given to another key meanwhile. */
            if (atomic_load_explicit(&set[way].key, memory_order_relaxed) == key)
                return value;
        }
    }
    return 0;
}

/* put needs the caller's lock; false if there is no memory. drop does not; true if the key was there. clear: no other thread
 * may be reading. */
bool table_put(struct table *table, uint64_t key, uint32_t value);
bool table_drop(struct table *table, uint64_t key);
void table_clear(struct table *table);

#endif
