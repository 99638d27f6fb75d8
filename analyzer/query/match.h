/* match.h - matches the rows of the two sides of a comparison; each side is the mean of one or more runs. */
#ifndef LIBTRACE_QUERY_MATCH_H
#define LIBTRACE_QUERY_MATCH_H

#include "by_line.h"

/* One side: the runs that are averaged. */
struct side {
    struct run *runs;
    size_t count;
    const struct filter *filter; /* prepared; NULL = all lines */
    const struct report *report; /* of their database; NULL = the caller's */
    const struct lines *lines;   /* of its only run, read before, the caller's; NULL = not read yet */
};

/* A line, or another row of the group, that is in either side or both. Texts belong to struct matches. */
struct match {
    const char *file; /* NULL = not known; the second side's if the line is in both */
    int64_t line;
    int64_t line_before; /* its number in the first side's source, if that differs; else line */
    const char *function, *module, *language;
    const char *type; /* for GROUP_TYPE; NULL = not known */
    int in_first, in_second;
    double bytes[2], count[2];                   /* means of the two sides */
    double bytes_variance[2], count_variance[2]; /* of sampled runs; else 0 */
    int at_most[2]; /* 1 = the number is an upper bound, see measure_is_exact() */
};

struct matches {
    struct match *rows; /* largest absolute change first */
    size_t count;
    size_t same;         /* rows at the end that did not change */
    struct lines *lines; /* of each run of both sides; they own the texts */
    size_t line_sets;
};

/* True if a run of the side is sampled. */
int side_is_sampled(const struct side *side);

/* Rows match by type, file, line and function, and by the module's name where the file is not known. Between
 * different builds of a module, a function's lines that are left over on both sides match in their order
 * if there are equally many: code above them was edited, or the file was moved. */
int match_lines(const struct report *report, const struct side *first, const struct side *second,
                enum group group, enum measure by, struct matches *matches);
void match_free(struct matches *matches);

#endif
