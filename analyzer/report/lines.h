/* lines.h - what was counted, by line, function, file, module or stack. */
#ifndef LIBTRACE_REPORT_LINES_H
#define LIBTRACE_REPORT_LINES_H

#include "json.h"
#include "run.h"

enum measure { BY_BYTES, BY_ALLOCATIONS, BY_PEAK, BY_LIVE, BY_TEMPORARY };
enum group { GROUP_LINE, GROUP_FUNCTION, GROUP_FILE, GROUP_MODULE, GROUP_STACK };

extern const char *const measure_names[]; /* for --by */
extern const char *const group_names[];   /* for --group */

struct lines_query {
    const struct run *run;
    enum group group;
    int by;               /* enum measure: what rows are sorted by */
    int leaf;             /* the innermost line of each stack, whatever it is */
    int64_t process;      /* number in the run, or process ID; 0 = all */
    const char *language; /* NULL = all */
    size_t limit;         /* rows to keep, 0 = all */
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
void lines_free(struct lines *lines);

/* One stack of a row. */
struct line_stack {
    int64_t stack;
    struct store_measures m;
};

/* The largest stacks below each row: count * each entries, those of row i at i * each; unused ones have
 * stack 0. malloc'ed. */
int lines_stacks(const struct report *report, const struct lines_query *query, const struct lines *lines,
                 size_t each, struct line_stack **stacks);

/* A stack's frames, innermost first, inlined ones included; called for each. function may be any text. */
int lines_frames(const struct report *report, int64_t run, int64_t stack,
                 void (*frame)(void *context, const char *function, const char *file, int64_t line),
                 void *context);

int64_t measure_value(const struct store_measures *m, int by);

/* Bytes and blocks of a measure; temporary allocations have no bytes (-1). */
int64_t measure_bytes(const struct store_measures *m, int by);
int64_t measure_count(const struct store_measures *m, int by);

void measures_add(struct store_measures *sum, const struct store_measures *m);
void measures_json(struct json *json, const struct store_measures *m); /* members of the open object */

#endif
