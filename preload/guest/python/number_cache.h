/* number_cache.h - a process-wide map from 64 bits to 32 that forgets entries when a set is full.
 *
 * Sets of four places, one cache line each. Look-ups take no lock and never wait; entries are put and dropped
 * under the caller's lock. What was forgotten, the caller has to work out again, under a new number.
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

struct table {
    struct table_place *_Atomic places; /* NULL until the first entry */
    uint32_t bits;                      /* log2 of the number of sets */
    _Atomic uint32_t forgotten;         /* entries that were replaced because their set was full */
};

/* True if keys may have been forgotten. */
static inline bool table_forgets(const struct table *table)
{
    return atomic_load_explicit(&table->forgotten, memory_order_relaxed) != 0;
}

static inline struct table_place *table_set(struct table_place *places, uint32_t bits, uint64_t key)
{
    uint64_t hash = key * 0x9e3779b97f4a7c15ull;
    return places + (hash >> (64 - bits)) * TABLE_WAYS;
}

/* The value of a key; 0 = none. */
static inline uint32_t table_get(const struct table *table, uint64_t key)
{
    struct table_place *places = atomic_load_explicit(&table->places, memory_order_acquire);
    if (UNLIKELY(!places))
        return 0;
    struct table_place *set = table_set(places, table->bits, key);
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

/* These need the caller's lock. put: false if there is no memory. drop: true if the key was there. */
bool table_put(struct table *table, uint64_t key, uint32_t value);
bool table_drop(struct table *table, uint64_t key);
void table_clear(struct table *table);

/* As table_put(), for a table that is also read only under the lock: it grows instead of forgetting, up to
 * this many bits. */
bool table_put_growing(struct table *table, uint64_t key, uint32_t value, uint32_t most_bits);

#endif
