/* sample_set.c - see sample_set.h. */
#include "sample_set.h"
#include "processor.h"

#define FIRST_BITS 9  /* of the table: a page */
#define PATIENCE 2000 /* looks at the lock */

_Atomic uint8_t sample_filter[SAMPLE_SETS];

/* Linear probing; at most half of it is used, and what follows a removed entry is moved up (D. E. Knuth, The Art of
 * Computer Programming, volume 3, section 6.4, algorithm R). */
static struct {
    _Atomic bool locked;
    _Atomic bool lacks; /* some blocks */
    unsigned bits;      /* there are 2^bits places; 0 = none yet */
    size_t count;
    uintptr_t *place; /* 0 = free */
} table;

static bool lock(void)
{
    for (int i = 0; i < PATIENCE; i++) {
        if (!atomic_load_explicit(&table.locked, memory_order_relaxed) &&
            !atomic_exchange(&table.locked, true))
            return true;
        processor_pause();
    }
    return false;
}

static void unlock(void)
{
    atomic_store(&table.locked, false);
}

static size_t first_place(uintptr_t address, unsigned bits)
{
    return address * 0x9e3779b97f4a7c15ull >> (64 - bits);
}

static void put(uintptr_t *place, unsigned bits, uintptr_t address)
{
    size_t at = first_place(address, bits), mask = ((size_t)1 << bits) - 1;
    while (place[at] && place[at] != address)
        at = (at + 1) & mask;
    place[at] = address;
}

/* Another thread may fork at any moment: so the child never finds a table that is unmapped already, at worst one with
 * fewer places than it has. */
static bool grow(void)
{
    unsigned bits = table.bits ? table.bits + 1 : FIRST_BITS;
    uintptr_t *place = guest_pages(sizeof *place << bits), *old = table.place;
    if (!place)
        return false;
    for (size_t i = 0; table.bits && i < (size_t)1 << table.bits; i++)
        if (table.place[i])
            put(place, bits, table.place[i]);
    unsigned old_bits = table.bits;
    table.place = place;
    SIGNAL_FENCE();
    table.bits = bits;
    if (old_bits)
        guest_unmap(old, sizeof *old << old_bits);
    return true;
}

/* Closes the gap: entries that would not be found any more are moved into it. */
static void take_out(size_t gap)
{
    size_t mask = ((size_t)1 << table.bits) - 1;
    for (size_t at = (gap + 1) & mask; table.place[at]; at = (at + 1) & mask) {
        size_t first = first_place(table.place[at], table.bits);
        if (((at - first) & mask) >= ((at - gap) & mask)) {
            table.place[gap] = table.place[at];
            gap = at;
        }
    }
    table.place[gap] = 0;
    table.count--;
}

static bool take(uintptr_t address)
{
    if (!table.bits)
        return false;
    size_t at = first_place(address, table.bits), mask = ((size_t)1 << table.bits) - 1;
    while (table.place[at] && table.place[at] != address)
        at = (at + 1) & mask;
    if (!table.place[at])
        return false;
    take_out(at);
    return true;
}

/* A full count stays: it is not known any more how many there are. */
static void count(const void *block, int by)
{
    _Atomic uint8_t *counted = &sample_filter[sample_set_of(block)];
    uint8_t now = atomic_load(counted);
    while (now != UINT8_MAX && !atomic_compare_exchange_weak(counted, &now, (uint8_t)(now + by))) {
    }
}

void sample_set_add(const void *block)
{
    count(block, 1);
    bool locked = lock();
    if (locked && ((table.bits && table.count * 2 < (size_t)1 << table.bits) || grow())) {
        put(table.place, table.bits, (uintptr_t)block);
        table.count++;
    } else {
        atomic_store(&table.lacks, true);
    }
    if (locked)
        unlock();
}

bool sample_set_take(const void *block)
{
    if (!lock())
        return true;
    bool taken = take((uintptr_t)block);
    unlock();
    if (taken)
        count(block, -1);
    return taken || atomic_load(&table.lacks);
}

void sample_set_forked(void)
{
    /* If another thread was changing the table, it may be incomplete, or have an address twice. */
    if (atomic_exchange(&table.locked, false))
        atomic_store(&table.lacks, true);
}

void sample_set_clear(void)
{
    if (!table.bits && !atomic_load(&table.lacks))
        return;
    for (size_t i = 0; i < SAMPLE_SETS; i++)
        if (atomic_load_explicit(&sample_filter[i], memory_order_relaxed))
            atomic_store_explicit(&sample_filter[i], 0, memory_order_relaxed);
    if (table.bits)
        guest_unmap(table.place, sizeof *table.place << table.bits);
    table.bits = 0;
    table.count = 0;
    atomic_store(&table.lacks, false);
    atomic_store(&table.locked, false);
}
