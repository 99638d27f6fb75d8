/* by_line.h - what was counted, by line, function, file, module or stack. */
#ifndef LIBTRACE_QUERY_BY_LINE_H
#define LIBTRACE_QUERY_BY_LINE_H

#include "filter.h"
#include "json.h"
#include "run.h"

enum group { GROUP_LINE, GROUP_FUNCTION, GROUP_FILE, GROUP_MODULE, GROUP_STACK };

extern const char *const group_names[]; /* for --group */

struct lines_query {
    const struct run *run;
    enum group group;
    enum measure by;             /* what rows are sorted by */
    int inclusive;               /* with all that is called, see inclusive.h */
    int all_frames;              /* of inclusive: the runtime's own, too */
    int leaf;                    /* the innermost line of each stack, whatever it is */
    const struct filter *filter; /* prepared; NULL = all */
    size_t limit;                /* rows to keep, 0 = all */
    /* Of GROUP_STACK: stacks that it returns 0 for are left out; NULL = none. */
    int (*wanted)(void *context, int64_t stack, const struct store_measures *m);
    void *context; /* for wanted */
};

struct line_row {
    char *file;     /* NULL = not known, or not part of the group */
    int64_t line;   /* 0 = likewise */
    char *function; /* '' = not part of the group */
    char *module, *language;
    int64_t stack; /* of GROUP_STACK */
    struct store_measures m;
};

struct lines {
    struct line_row *rows; /* the largest, in order */
    size_t count;
    size_t all;                /* rows before the limit */
    struct store_measures sum; /* of all of them */
};

int lines_read(const struct report *report, const struct lines_query *query, struct lines *lines);

/* What of a run passes its filter, and is of the part of it that is meant. The peak of a part is -1 where it
 * is not known. */
int lines_totals(const struct report *report, const struct run *run, const struct filter *filter,
                 struct store_measures *m);
void lines_free(struct lines *lines);

/* For by_stack.c. The columns that make a group: file, line, function, module, language. */
extern const char *const lines_keys[];

/* The name or the module of the innermost frame of s.node, for what has no line. Looked up for those rows
 * only. */
#define LINES_OF_NODE                                                                                      \
    "FROM node AS o JOIN frame_names AS n ON n.run = o.run AND n.frame = o.frame WHERE o.run = s.run AND " \
    "o.id = s.node"
#define LINES_INNERMOST                                                                  \
    "coalesce(l.function, (SELECT n.name " LINES_OF_NODE "), '[unknown]') AS function, " \
    "coalesce(l.module, (SELECT n.module " LINES_OF_NODE "), '') AS module"

/* All measures, from a column on. */
struct store_measures lines_column_measures(struct sqlite3_stmt *statement, int first);

/* Adds a row from a statement's first five columns, in the order of lines_keys; false when memory is short.
 */
int lines_keep(struct lines *lines, struct sqlite3_stmt *statement, int64_t stack,
               const struct store_measures *m);

/* Members of the open object; of a part of a run without its peak. */
void measures_json(struct json *json, const struct run *run, const struct store_measures *m);

#endif
