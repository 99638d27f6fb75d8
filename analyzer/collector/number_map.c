/* number_map.c - see number_map.h. */
#include "number_map.h"
#include "shortage.h"

#include <assert.h>
#include <stdlib.h>

static struct number_entry *place_of(const struct number_map *map, uint64_t key)
{
    size_t mask = ((size_t)1 << map->bits) - 1;
    size_t place = (key * 0x9e3779b97f4a7c15ull) >> (64 - map->bits);
    while (map->entries[place].key && map->entries[place].key != key + 1)
        place = (place + 1) & mask;
    return &map->entries[place];
}

struct number_entry *number_map_find(struct number_map *map, uint64_t key)
{
    if (!map->entries || map->count >= ((size_t)1 << map->bits) / 8 * 5) {
        struct number_map larger = {.bits = map->entries ? map->bits + 1 : 10, .count = map->count};
        larger.entries = SHORTAGE_UNLESS(calloc((size_t)1 << larger.bits, sizeof *larger.entries));
        if (!larger.entries)
            return NULL;
        for (size_t i = 0; map->entries && i < (size_t)1 << map->bits; i++)
            if (map->entries[i].key)
                *place_of(&larger, map->entries[i].key - 1) = map->entries[i];
        free(map->entries);
        *map = larger;
    }
    assert(map->count < (size_t)1 << map->bits); /* otherwise searching for a missing key would never end */
    struct number_entry *entry = place_of(map, key);
    if (!entry->key) {
        entry->key = key + 1;
        map->count++;
    }
    return entry;
}
