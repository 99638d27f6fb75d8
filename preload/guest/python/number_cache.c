/* number_cache.c - see number_cache.h. */
#include "number_cache.h"
#include "guest_assert.h"

static size_t table_size(const struct table *table)
{
    return ((size_t)TABLE_WAYS << table->bits) * sizeof(struct table_place);
}

bool table_put(struct table *table, uint64_t key, uint32_t value)
{
    struct table_place *places = atomic_load(&table->places);
    guest_assert(key != 0); /* 0 marks an empty place */
    if (!places) {
        places = guest_pages(table_size(table));
        if (!places)
            return false;
        atomic_store(&table->places, places);
    }
    struct table_place *set = table_set(places, table->bits, key), *place = NULL;
    for (unsigned way = 0; way < TABLE_WAYS; way++) {
        uint64_t found = atomic_load(&set[way].key);
        if (found == key || (found == 0 && !place))
            place = &set[way];
        if (found == key)
            break;
    }
    if (!place)
        place = &set[atomic_fetch_add(&table->forgotten, 1) % TABLE_WAYS];
    /* Clearing the key first: a reader that sees the new value with the old key finds the key changed when it
     * checks it again. */
    atomic_store(&place->key, 0);
    atomic_store(&place->value, value);
    atomic_store(&place->key, key);
    return true;
}

static bool is_full(struct table_place *places, uint32_t bits, uint64_t key)
{
    const struct table_place *set = table_set(places, bits, key);
    for (unsigned way = 0; way < TABLE_WAYS; way++) {
        uint64_t found = atomic_load(&set[way].key);
        if (found == 0 || found == key)
            return false;
    }
    return true;
}

/* Doubles the number of sets. False if there is no memory. */
static bool grow(struct table *table)
{
    struct table larger = {.bits = table->bits + 1};
    guest_assert(larger.bits < 32);
    const struct table_place *places = atomic_load(&table->places);
    for (size_t i = 0; i < (size_t)TABLE_WAYS << table->bits; i++) {
        if (atomic_load(&places[i].key) && !table_put(&larger, places[i].key, places[i].value)) {
            table_clear(&larger);
            return false;
        }
    }
    table_clear(table);
    atomic_store(&table->places, atomic_load(&larger.places));
    table->bits = larger.bits;
    return true;
}

bool table_put_growing(struct table *table, uint64_t key, uint32_t value, uint32_t most_bits)
{
    struct table_place *places;
    while ((places = atomic_load(&table->places)) && is_full(places, table->bits, key) &&
           table->bits < most_bits)
        if (!grow(table))
            break;
    return table_put(table, key, value);
}

bool table_drop(struct table *table, uint64_t key)
{
    struct table_place *places = atomic_load(&table->places);
    if (!places)
        return false;
    struct table_place *set = table_set(places, table->bits, key);
    for (unsigned way = 0; way < TABLE_WAYS; way++) {
        if (atomic_load(&set[way].key) == key) {
            atomic_store(&set[way].key, 0);
            return true;
        }
    }
    return false;
}

void table_clear(struct table *table)
{
    struct table_place *places = atomic_exchange(&table->places, NULL);
    if (places)
        guest_unmap(places, table_size(table));
}
