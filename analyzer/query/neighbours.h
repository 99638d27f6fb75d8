/* neighbours.h - who calls a function, and what it calls. In each stack with the function, this is the caller
 * of its outermost frame and what its innermost frame calls: so both sides add up to the function's total,
 * even with recursion. */
#ifndef LIBTRACE_QUERY_NEIGHBOURS_H
#define LIBTRACE_QUERY_NEIGHBOURS_H

#include "by_line.h"

struct neighbours {
    struct lines callers;      /* by line, the largest first; a row without a function: it has no caller */
    struct lines callees;      /* a row without a function: allocated by the function itself */
    struct store_measures own; /* allocated by the function itself */
    struct variances own_v;
    size_t functions; /* that match the name */
};

/* From query it takes run, measure, limit, filter and frames. */
int neighbours_read(const struct report *report, const struct lines_query *query, const char *function,
                    struct neighbours *neighbours);

/* The same for a profile in memory whose frames are folded. is_it: by place, whether it is the function.
 * Adds to an empty *neighbours, and leaves functions alone. */
struct profile;
void neighbours_of(const struct profile *profile, const struct lines_query *query, const unsigned char *is_it,
                   struct neighbours *neighbours);
void neighbours_free(struct neighbours *neighbours);

#endif
