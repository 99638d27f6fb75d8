/* by_stack.h - the stacks of a run, one after the other: for rows that are stacks, and for the stacks below a
 * row. */
#ifndef LIBTRACE_QUERY_BY_STACK_H
#define LIBTRACE_QUERY_BY_STACK_H

#include "by_line.h"

/* One stack. */
struct line_stack {
    int64_t stack; /* 0 = unused element */
    int64_t line;  /* number of its line in the run, or LINE_UNKNOWN */
    struct store_measures m;
    struct variances v;
};

#define LINE_UNKNOWN INT64_MIN

/* lines_read() for GROUP_STACK. */
int stacks_read(const struct report *report, const struct lines_query *query, struct lines *lines);

/* Finds the largest stacks below each row: count * each elements, row i's from i * each; malloc'ed. */
int stacks_below(const struct report *report, const struct lines_query *query, const struct lines *lines,
                 size_t each, struct line_stack **stacks);

/* A statement for stacks_frames(), to be used for many stacks: preparing takes longer than reading. NULL
 * after an error message; to be freed with sqlite3_finalize(), NULL too. */
struct sqlite3_stmt *stacks_prepare(const struct report *report);

/* Calls frame for each of a stack's frames, innermost first, inlined ones included. function may hold any
 * bytes; runtime: it is the runtime's own, see fold.h. */
int stacks_frames(const struct report *report, struct sqlite3_stmt *prepared, int64_t run, int64_t stack,
                  void (*frame)(void *context, const char *function, const char *file, int64_t line,
                                int runtime),
                  void *context);

#endif
