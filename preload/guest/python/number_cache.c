/* number_cache.c - see number_cache.h. */
#include "number_cache.h"
#include "guest_assert.h"

static uint32_t bits_of(uintptr_t places)
{
    return (uint32_t)(places & TABLE_BITS_MASK);
}

static struct table_place *first_of(uintptr_t places)
{
    return (struct table_place *)(places & ~TABLE_BITS_MASK);
}

static size_t count_of(uint32_t bits)
{
    return (size_t)TABLE_WAYS << bits;
}

static size_t size_of(uint32_t bits)
{
    return count_of(bits) * sizeof(struct table_place);
}

/* 0 = there is no memory. */
static uintptr_t fresh_places(uint32_t bits)
{
    void *pages = guest_pages(size_of(bits));
    return pages ? (uintptr_t)pages | bits : 0;
}

/* Clearing the key first: a reader that sees the new value with the old key finds the key changed when it checks it
 * again. */
static void set_place(struct table_place *place, uint64_t key, uint32_t value)
{
    atomic_store(&place->key, 0);
    atomic_store(&place->value, value);
    atomic_store(&place->key, key);
}

/* Where the key is, or could be put; NULL = the set is full of others. */
static struct table_place *place_for(uintptr_t places, uint64_t key)
{
    struct table_place *set = table_set(places, key), *place = NULL;
    for (unsigned way = 0; way < TABLE_WAYS; way++) {
        uint64_t found = atomic_load(&set[way].key);
        if (found == key)
            return &set[way];
        if (found == 0 && !place)
            place = &set[way];
    }
    return place;
}

static bool drop_from(uintptr_t places, uint64_t key)
{
    struct table_place *place = places ? place_for(places, key) : NULL;
    return place && atomic_compare_exchange_strong(&place->key, &key, 0);
}

/* Copies an entry unless it is dropped meanwhile: whoever drops it without the lock clears it before looking at the copy. */
static void copy(const struct table_place *entry, uintptr_t to)
{
    uint64_t key = atomic_load(&entry->key);
    if (!key)
        return;
    struct table_place *place = place_for(to, key);
    guest_assert(place); /* each set is divided between two */
    set_place(place, key, atomic_load(&entry->value));
    if (UNLIKELY(atomic_load(&entry->key) != key))
        atomic_store(&place->key, 0);
}

/* Doubles the number of sets. Returns the places; 0 = there is no memory. */
static uintptr_t grow(struct table *table, uintptr_t before)
{
    uint32_t bits = bits_of(before);
    uintptr_t larger = fresh_places(bits + 1);
    guest_assert(bits < TABLE_MOST_BITS && !table->left[bits]);
    if (!larger)
        return 0;
    atomic_store(&table->next, larger);
    for (size_t i = 0; i < count_of(bits); i++)
        copy(&first_of(before)[i], larger);
    atomic_store(&table->places, larger);
    atomic_store(&table->next, 0);
    table->left[bits] = first_of(before);
    guest_release(first_of(before), size_of(bits));
    return larger;
}

bool table_put(struct table *table, uint64_t key, uint32_t value)
{
    uintptr_t places = atomic_load(&table->places);
    guest_assert(key != 0); /* 0 marks an empty place */
    if (!places) {
        places = fresh_places(TABLE_LEAST_BITS);
        if (!places)
            return false;
        atomic_store(&table->places, places);
    }
    struct table_place *place = place_for(places, key);
    while (!place && bits_of(places) < table->most_bits) {
        uintptr_t larger = grow(table, places);
        if (!larger)
            break;
        places = larger;
        place = place_for(places, key);
    }
    if (!place)
        place = &table_set(places, key)[atomic_fetch_add(&table->forgotten, 1) % TABLE_WAYS];
    set_place(place, key, value);
    return true;
}

bool table_drop(struct table *table, uint64_t key)
{
    bool dropped = false;
    uintptr_t places;
    do {
        places = atomic_load(&table->places);
        dropped |= drop_from(places, key);
        dropped |= drop_from(atomic_load(&table->next), key);
    } while (UNLIKELY(atomic_load(&table->places) != places));
    return dropped;
}

void table_clear(struct table *table)
{
    uintptr_t places = atomic_exchange(&table->places, 0);
    uintptr_t next =
        atomic_exchange(&table->next, 0); /* in a process that was forked while another thread let it grow */
    if (next && next != places)
        guest_unmap(first_of(next), size_of(bits_of(next)));
    if (places)
        guest_unmap(first_of(places), size_of(bits_of(places)));
    for (uint32_t bits = TABLE_LEAST_BITS; bits < TABLE_MOST_BITS; bits++) {
        if (table->left[bits])
            guest_unmap(table->left[bits], size_of(bits));
        table->left[bits] = NULL;
    }
}
