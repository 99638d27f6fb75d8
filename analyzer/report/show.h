/* show.h - rows of by_line.h as people see them: shared by top and summary. */
#ifndef LIBTRACE_REPORT_SHOW_H
#define LIBTRACE_REPORT_SHOW_H

#include "by_line.h"
#include "by_stack.h"
#include "table.h"

/* A table of the rows, the largest first, with a last row for what was left out. stacks as from stacks_below,
 * NULL = none. */
int show_lines(const struct report *report, const struct lines_query *query, const struct lines *lines,
               const struct line_stack *stacks, size_t each);

/* "main.c:42", short where it can be; malloc'ed. NULL where no file is known. */
char *show_place(const struct run *run, const char *file, int64_t line);

/* --all-frames: stacks are shown with frames that are the runtime's own, see fold.h. */
extern int show_all_frames;
#define SHOW_ALL_FRAMES                                                         \
    {                                                                           \
        "all-frames", OPTION_FLAG, &show_all_frames, NULL,                      \
            "stacks with frames of the runtime and of libraries' insides", NULL \
    }

/* What the measures' names mean, in one dim line, on a terminal. */
void show_words(const struct report *report);

/* The rows as members of the open array. */
int show_lines_json(const struct report *report, struct json *json, const struct lines_query *query,
                    const struct lines *lines, const struct line_stack *stacks, size_t each);

#endif
