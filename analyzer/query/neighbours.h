/* neighbours.h - who calls a function, and what it calls: of each stack with it, the caller of its outermost frame and
 * what its innermost one calls, so that both sides add up to the function's own total, recursion or not.
 */
#ifndef LIBTRACE_QUERY_NEIGHBOURS_H
#define LIBTRACE_QUERY_NEIGHBOURS_H

#include "by_line.h"

struct neighbours {
    struct lines callers;      /* by line, the largest first; a row without a function: nobody calls it */
    struct lines callees;      /* a row without a function: by itself */
    struct store_measures own; /* by itself */
    size_t functions;          /* that match */
};

/* query: its run, measure, limit, filter and frames. */
int neighbours_read(const struct report *report, const struct lines_query *query, const char *function,
                    struct neighbours *neighbours);

/* The same of a profile that is in memory, its frames folded; is_it: by place, whether it is the function. Adds to an
 * empty one; functions is left alone. False when memory is short. */
struct profile;
int neighbours_of(const struct profile *profile, const struct lines_query *query, const unsigned char *is_it,
                  struct neighbours *neighbours);
void neighbours_free(struct neighbours *neighbours);

#endif
