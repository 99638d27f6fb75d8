/* wrappers.h - functions that only hand on what an allocator gives them: xmalloc, my_strdup. Who calls them is meant. */
#ifndef LIBTRACE_QUERY_WRAPPERS_H
#define LIBTRACE_QUERY_WRAPPERS_H

#include "profile.h"

/* For each place of the profile, whether it lies in a function that is called like an allocator, and under which nothing
 * else of the program was ever seen; malloc'ed. */
unsigned char *wrappers_guess(const struct profile *profile);

#endif
