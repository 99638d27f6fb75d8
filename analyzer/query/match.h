/* match.h - the same line in two sides of a comparison, each the mean of one run or several. */
#ifndef LIBTRACE_QUERY_MATCH_H
#define LIBTRACE_QUERY_MATCH_H

#include "by_line.h"

/* One side: the runs that are averaged. */
struct side {
    struct run *runs;
    size_t count;
    const struct filter *filter; /* prepared; NULL = all lines */
    const struct report *report; /* of their database; NULL = the caller's */
    const struct lines *lines;   /* of the one run, read before, and the caller's; NULL = they are read */
};

/* A line in either or both. Texts belong to the matches. */
struct match {
    const char *file; /* NULL = not known; of the second side where the line is in both */
    int64_t line;
    int64_t line_before; /* where the line was in the first side's source, else the same as line */
    const char *function, *module;
    int in_first, in_second;
    double bytes[2], count[2]; /* means of the two sides */
    int at_most[2];            /* 1 = the measure's number may be less, see measure_is_exact() */
};

struct matches {
    struct match *rows; /* largest absolute change first */
    size_t count;
    size_t same;         /* rows at the end that did not change */
    struct lines *lines; /* of each run of both sides: what the texts belong to */
    size_t line_sets;
};

/* Lines match by file, line and function, and by the module's name where no file is known. Between different
 * builds of a module, the lines of a function that are left over on both sides match in their order, if they
 * are equally many: code above them was edited, or the file lies elsewhere. */
int match_lines(const struct report *report, const struct side *first, const struct side *second,
                enum measure by, struct matches *matches);
void match_free(struct matches *matches);

#endif
