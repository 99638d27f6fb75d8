/* show.h - shows rows of by_line.h as tables and JSON, for top and summary; compare has its columns of names. */
#ifndef LIBTRACE_REPORT_SHOW_H
#define LIBTRACE_REPORT_SHOW_H

#include "by_line.h"
#include "by_stack.h"
#include "table.h"

/* Prints a table of the rows, the largest first, with a last row for what was left out. stacks: from
 * stacks_below(), NULL = none. */
int show_lines(const struct report *report, const struct lines_query *query, const struct lines *lines,
               const struct line_stack *stacks, size_t each);

/* The columns of a query's measure and of those beside it, and their cells. whole: what shares are of. */
void show_number_columns(struct table *table, const struct lines_query *query);
void show_number_cells(const struct report *report, struct table *table, const struct lines_query *query,
                       const struct store_measures *m, const struct variances *v,
                       const struct store_measures *whole);

void show_no_number_cells(struct table *table, const struct lines_query *query); /* empty ones */

/* What names a row. */
struct show_name {
    const char *place; /* from show_place(), NULL = not known */
    const char *function, *module, *language;
    const char *type; /* for GROUP_TYPE; NULL = not known */
};

/* The columns that name a row of a group, and their cells. */
void show_name_columns(struct table *table, enum group group);
void show_name_cells(struct table *table, enum group group, const struct show_name *name);

/* "main.c:42", shortened if possible; malloc'ed. NULL if the file is not known. */
char *show_place(const struct run *run, const char *file, int64_t line);

/* --all-frames: stacks are shown with the runtime's own frames, see fold.h. */
extern int show_all_frames;
#define SHOW_ALL_FRAMES                                                         \
    {                                                                           \
        "all-frames", OPTION_FLAG, &show_all_frames, NULL,                      \
            "stacks with frames of the runtime and of libraries' insides", NULL \
    }

/* On a terminal, explains the measures' names in one dim line. */
void show_words(const struct report *report);

/* Writes the rows as members of the open array. */
int show_lines_json(const struct report *report, struct json *json, const struct lines_query *query,
                    const struct lines *lines, const struct line_stack *stacks, size_t each);

#endif
