/* resident.h - where the resident bytes of a run's processes were, at one moment: reads the view
 * `resident`. */
#ifndef LIBTRACE_QUERY_RESIDENT_H
#define LIBTRACE_QUERY_RESIDENT_H

#include "filter.h"
#include "run.h"
#include "sentences.h"

#define RESIDENT_GROUPS (PAGES_PARTS + 1) /* the parts, and what is live but not resident */

struct resident_line {
    char *file;              /* NULL = not known */
    int64_t line;            /* 0 = likewise */
    char *function, *module; /* NULL for a mapping */
    char *name;              /* of a mapping; NULL for a line */
    int64_t bytes, blocks;   /* blocks: for mappings, how many have that name */
};

struct resident_part {
    int64_t bytes, blocks;       /* of all its lines */
    struct resident_line *lines; /* the largest, in order */
    size_t count, all;           /* kept, and before the limit */
    int python;                  /* 1 = the largest is a Python line */
};

/* The processes that pass the filter, together. */
struct resident_moment {
    int64_t id, t_ns; /* of the last of their walks; nanoseconds since the start of the run */
    int64_t kind;     /* enum store_page_kind */
    int64_t mark;     /* number of the mark, 0 = none */
    int64_t processes;
    int64_t resident, pss, untouched, swapped; /* bytes; pss -1 = not known for all of them */
};

/* How memory is given back depends on the allocator. Later ones in this list replace the C library's. */
enum resident_allocator {
    RESIDENT_UNKNOWN,
    RESIDENT_GLIBC,
    RESIDENT_JEMALLOC,
    RESIDENT_TCMALLOC,
    RESIDENT_MIMALLOC,
};

struct resident {
    size_t moments;                              /* moments of the run; 0 = none, and the rest is not set */
    struct resident_moment moment, highest;      /* the one shown; the highest of all */
    char *mark;                                  /* name of moment.mark, NULL = none */
    int64_t process;                             /* number in the run, if it is a single one; else 0 */
    char *command;                               /* likewise; NULL = not known */
    struct resident_part parts[RESIDENT_GROUPS]; /* by enum store_page_part */
    int64_t unexplained;                         /* resident, but in no part; 0 in a complete record */
    struct sentences missing;                    /* what could not be seen, and why */
    enum resident_allocator allocator;           /* judged by the mapped files */
};

extern const char *const resident_part_names[RESIDENT_GROUPS]; /* as the view has them */
extern const char *const resident_kinds[STORE_PAGES_KINDS];

extern const char resident_highest[]; /* value of `at` for the highest moment, whatever marks are called */

/* at: a mark's name ("tick#3": the third of that name), "end", "peak", seconds, or NULL: the latest
 * moment, mostly the end. limit: lines to keep in each part, 0 = all. filter: prepared; only its processes
 * matter. On failure prints why; call resident_free() after a failure, too. */
int resident_read(const struct report *report, const struct run *run, const struct filter *filter,
                  const char *at, size_t limit, struct resident *resident);
void resident_free(struct resident *resident);

#endif
