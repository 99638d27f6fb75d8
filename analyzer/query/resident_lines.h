/* resident_lines.h - what each line keeps resident at a moment: its live blocks, what they are rounded up by,
 * and the free memory on pages that only they keep. */
#ifndef LIBTRACE_QUERY_RESIDENT_LINES_H
#define LIBTRACE_QUERY_RESIDENT_LINES_H

#include "resident.h"

enum resident_order { RESIDENT_BY_ALL, RESIDENT_BY_PINNED };

struct resident_amounts {
    int64_t live, rounding, pinned; /* bytes */
    int64_t blocks;                 /* those on resident pages */
};

struct resident_row {
    char *file; /* NULL = not known */
    int64_t line;
    char *function, *module;
    struct resident_amounts m;
};

struct resident_lines {
    struct resident_row *rows; /* the largest, in order */
    size_t count, all;         /* kept, and before the limit */
    struct resident_amounts sum;
};

static inline int64_t resident_amount(const struct resident_amounts *m, enum resident_order order)
{
    return order == RESIDENT_BY_PINNED
               ? m->pinned
               : (int64_t)((uint64_t)m->live + (uint64_t)m->rounding + (uint64_t)m->pinned);
}

/* moment: the id of one that exists. filter: prepared; its processes, files, modules and languages. limit:
 * 0 = all. Call the free function after a failure, too. */
int resident_lines_read(const struct report *report, const struct run *run, const struct filter *filter,
                        int64_t moment, enum resident_order order, size_t limit,
                        struct resident_lines *lines);
void resident_lines_free(struct resident_lines *lines);

#endif
