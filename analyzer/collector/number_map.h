/* number_map.h - maps 64-bit keys (except UINT64_MAX) to 32-bit numbers other than 0. Not thread-safe. */
#ifndef LIBTRACE_NUMBER_MAP_H
#define LIBTRACE_NUMBER_MAP_H

#include <stddef.h>
#include <stdint.h>

struct number_map {
    struct number_entry {
        uint64_t key; /* plus one, as 0 is an empty entry */
        uint32_t number;
    } * entries;
    unsigned bits;
    size_t count;
};

/* The entry of a key; its number is 0 if it is new, and the caller sets it. NULL = out of memory. Valid
 * until the next call. */
struct number_entry *number_map_find(struct number_map *map, uint64_t key);

#endif
