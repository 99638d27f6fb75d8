/* table.c - see table.h. */
#include "table.h"

static size_t table_size(const struct table *table)
{
    return ((size_t)TABLE_WAYS << table->bits) * sizeof(struct table_place);
}

bool table_put(struct table *table, uint64_t key, uint32_t value)
{
    struct table_place *places = atomic_load(&table->places);
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
    /* A reader that sees the new value under the old key finds the key gone when it looks again. */
    atomic_store(&place->key, 0);
    atomic_store(&place->value, value);
    atomic_store(&place->key, key);
    return true;
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
