/* args.h - command lines. A subcommand describes itself in a struct manual; the common options are added. */
#ifndef LIBTRACE_QUERY_ARGS_H
#define LIBTRACE_QUERY_ARGS_H

#include "report.h"

enum option_kind {
    OPTION_FLAG,    /* target: int, becomes 1 */
    OPTION_NUMBER,  /* target: int64_t, not negative */
    OPTION_TEXT,    /* target: const char * */
    OPTION_CHOICE,  /* target: int, index into choices */
    OPTION_MEASURE, /* target: int, enum measure (by its name for --by), or MEASURES + index into choices */
    OPTION_BYTES,   /* target: int64_t; 50MiB, 1.5k, 4096 */
    OPTION_SHARE,   /* target: double; "5%" is 0.05 */
    OPTION_TIME,    /* target: double, seconds; 60s, 1.5min, 500ms, 60 */
    OPTION_EVERY,   /* target: double, seconds; --name alone is 1, else --name=SECONDS */
};

struct option_spec {
    const char *name; /* without "--"; a single letter: without "-" */
    enum option_kind kind;
    void *target;
    const char *value;          /* how help calls the value, NULL for flags and choices */
    const char *help;           /* one line */
    const char *const *choices; /* ends with NULL; for a measure: further choices */
};

struct manual {
    const char *operands;              /* as in the usage line, "" = none */
    const char *about;                 /* one or two sentences */
    const struct option_spec *options; /* ends with a NULL name; NULL = none but the common ones */
    const char *examples[3][2];        /* arguments, and what they show; at least two */
    int most;                          /* most operands allowed, -1 = any number */
    const char *whole;                 /* why there is no --from and --to, and what to do instead */
};

#define ARGS_GO_ON (-1)

/* A hidden option that lists the options, for the shells' completions. */
#define ARGS_WORDS "--list-options"

/* Parses argv; operands are moved to argv[1...] and counted. Returns ARGS_GO_ON, or the exit status if
 * help was printed or something was wrong. */
int args_parse(struct report *report, const struct manual *manual, int argc, char **argv, int *operands);

/* True if this option, of whichever subcommand, takes the next argument as its value. */
int args_value_follows(const struct report *report, const char *argument);

/* Sets report->width from the terminal's present width. */
void args_measure(struct report *report);

/* Edit distance of two words (Levenshtein); words are cut at 63 characters. */
unsigned args_distance(const char *a, const char *b);

/* The candidate that is most like text; NULL if none is similar. */
const char *args_nearest(const char *text, const char *const *candidates, size_t count);

#endif
