/* show.h - shows rows of by_line.h as tables and JSON, for top and summary. */
#ifndef LIBTRACE_REPORT_SHOW_H
#define LIBTRACE_REPORT_SHOW_H

#include "by_line.h"
#include "by_stack.h"
#include "table.h"

/* Prints a table of the rows, the largest first, with a last row for what was left out. stacks: from
 * stacks_below(), NULL = none. */
int show_lines(const struct report *report, const struct lines_query *query, const struct lines *lines,
               const struct line_stack *stacks, size_t each);

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
