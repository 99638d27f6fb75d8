/* place_keys.h - which places of a profile look the same to a reader, and become one node of a tree. */
#ifndef LIBTRACE_QUERY_PLACE_KEYS_H
#define LIBTRACE_QUERY_PLACE_KEYS_H

#include "profile.h"

/* For sorting: by function, file, line and module; 0 = the places look the same. by_line: 0 = their lines do
 * not matter. */
int place_keys_compare(const struct profile_place *a, const struct profile_place *b, int by_line);

/* For each place, one of those that look the same, as keys for branches_grow(). malloc'ed. */
uint32_t *place_keys(const struct profile *profile, int by_line);

#endif
