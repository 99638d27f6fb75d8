/* by_line.h - what was counted, by line, function, file, module or stack. */
#ifndef LIBTRACE_QUERY_BY_LINE_H
#define LIBTRACE_QUERY_BY_LINE_H

#include "filter.h"
#include "json.h"
#include "run.h"
#include "variances.h"

enum group { GROUP_LINE, GROUP_FUNCTION, GROUP_FILE, GROUP_MODULE, GROUP_STACK, GROUP_TYPE };

extern const char *const group_names[]; /* for --group */

/* What a row is, for a number of them: "row" where it is a type and a line. */
const char *group_row(enum group group);

struct lines_query {
    const struct run *run;
    enum group group;
    enum measure by;             /* rows are sorted by it */
    int inclusive;               /* count everything that is called, too, see inclusive.h */
    int all_frames;              /* with inclusive: show the runtime's own frames, too */
    int leaf;                    /* count for the innermost line of each stack, whatever it is */
    const struct filter *filter; /* prepared; NULL = all */
    size_t limit;                /* rows to keep, 0 = all */
    /* For GROUP_STACK: leaves out stacks for which this returns 0; NULL = keep all. */
    int (*wanted)(void *context, int64_t stack, const struct store_measures *m);
    void *context; /* passed to wanted */
};

struct line_row {
    char *file;     /* NULL = not known, or not part of the group */
    int64_t line;   /* 0 = not known, or not part of the group */
    char *function; /* '' = not part of the group */
    char *module, *language;
    int64_t stack;           /* for GROUP_STACK */
    char *type;              /* for GROUP_TYPE and GROUP_STACK; NULL = not known */
    enum store_type_how how; /* how that is known; of several stacks, the least certain */
    int64_t seen, looks;     /* for GROUP_TYPE, if that is by looks at some blocks: so many of so many were */
    struct store_measures m;
    struct variances v;
};

struct lines {
    struct line_row *rows; /* the largest, in order */
    size_t count;
    size_t all;                /* rows before the limit */
    struct store_measures sum; /* of all rows, kept or not */
    struct variances sum_v;
    int64_t typed; /* for GROUP_TYPE: of the measure's sum, what rows with a type have */
};

int lines_read(const struct report *report, const struct lines_query *query, struct lines *lines);

/* Sums up what passes the filter in the run, or in the part of it that was chosen. The peak of a part is
 * -1 where it is not known. */
int lines_totals(const struct report *report, const struct run *run, const struct filter *filter,
                 struct store_measures *m, struct variances *v);
void lines_free(struct lines *lines);

/* For by_stack.c: the columns of a group: file, line, function, module, language. */
extern const char *const lines_keys[];

/* Gets the name or the module of the innermost frame of s.node, for sites without a line; not worth a join
 * for all rows. */
#define LINES_OF_NODE                                                                                      \
    "FROM node AS o JOIN frame_names AS n ON n.run = o.run AND n.frame = o.frame WHERE o.run = s.run AND " \
    "o.id = s.node"
#define LINES_INNERMOST                                                                  \
    "coalesce(l.function, (SELECT n.name " LINES_OF_NODE "), '[unknown]') AS function, " \
    "coalesce(l.module, (SELECT n.module " LINES_OF_NODE "), '') AS module"

/* Reads all measures from the columns from `first` on. */
struct store_measures lines_column_measures(struct sqlite3_stmt *statement, int first);

/* Adds a row from a statement's first five columns, in the order of lines_keys. */
void lines_keep(struct lines *lines, struct sqlite3_stmt *statement, int64_t stack,
                const struct store_measures *m, const struct variances *v);

/* Writes the measures as members of the open object; for a part of a run, without its peak. In a sampled run, their
 * standard errors as well. */
void measures_json(struct json *json, const struct run *run, const struct store_measures *m,
                   const struct variances *v);

#endif
