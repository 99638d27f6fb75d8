/* number_map.h - 64-bit keys, but for UINT64_MAX, to 32-bit numbers; 0 is none.
 */
#ifndef LIBTRACE_NUMBER_MAP_H
#define LIBTRACE_NUMBER_MAP_H

#include <stddef.h>
#include <stdint.h>

struct number_map {
    struct number_entry {
        uint64_t key; /* and one more, as 0 is an empty entry */
        uint32_t number;
    } * entries;
    unsigned bits;
    size_t count;
};

/* The entry of a key; number 0 if it is new (the caller sets it). NULL on lack of memory. Valid until the
 * next call. */
struct number_entry *number_map_find(struct number_map *map, uint64_t key);

#endif
