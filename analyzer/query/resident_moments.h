/* resident_moments.h - the moments at which a run's resident pages were looked at, and which of them is
 * meant. */
#ifndef LIBTRACE_QUERY_RESIDENT_MOMENTS_H
#define LIBTRACE_QUERY_RESIDENT_MOMENTS_H

#include "resident.h"

struct resident_moments {
    struct resident_moment *list; /* by time */
    size_t count;
};

/* Call the free function after a failure, too. */
int resident_moments_read(const struct report *report, const struct run *run, const struct filter *filter,
                          struct resident_moments *moments);
void resident_moments_free(struct resident_moments *moments);

/* The moment that `at` means, see resident_read(). NULL after printing why there is none. The list must
 * not be empty. */
const struct resident_moment *resident_moments_find(const struct report *report, const struct run *run,
                                                    const struct resident_moments *moments, const char *at);

/* The highest of them. */
const struct resident_moment *resident_moments_highest(const struct resident_moments *moments);

#endif
