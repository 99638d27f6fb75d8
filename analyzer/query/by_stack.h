/* by_stack.h - the sites of a run, one stack after the other: for rows that are stacks, and stacks below rows.
 */
#ifndef LIBTRACE_QUERY_BY_STACK_H
#define LIBTRACE_QUERY_BY_STACK_H

#include "by_line.h"

/* One stack. */
struct line_stack {
    int64_t stack; /* 0 = unused place */
    int64_t line;  /* number of its line in the run, LINE_UNKNOWN */
    struct store_measures m;
};

#define LINE_UNKNOWN INT64_MIN

/* lines_read for GROUP_STACK. */
int stacks_read(const struct report *report, const struct lines_query *query, struct lines *lines);

/* The largest stacks below each row: count * each entries, those of row i at i * each; malloc'ed. */
int stacks_below(const struct report *report, const struct lines_query *query, const struct lines *lines,
                 size_t each, struct line_stack **stacks);

/* For stacks_frames, of one stack after the other: preparing takes longer than reading does. NULL after
 * saying what is wrong; sqlite3_finalize takes both. */
struct sqlite3_stmt *stacks_prepare(const struct report *report);

/* A stack's frames, innermost first, inlined ones included; called for each. function may be any text; runtime: it is the
 * runtime's own, see fold.h. */
int stacks_frames(const struct report *report, struct sqlite3_stmt *prepared, int64_t run, int64_t stack,
                  void (*frame)(void *context, const char *function, const char *file, int64_t line,
                                int runtime),
                  void *context);

#endif
