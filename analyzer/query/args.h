/* args.h - command lines. A subcommand describes itself in a struct manual; the common options are added. */
#ifndef LIBTRACE_QUERY_ARGS_H
#define LIBTRACE_QUERY_ARGS_H

#include "report.h"

enum option_kind {
    OPTION_FLAG,    /* target: int, becomes 1 */
    OPTION_NUMBER,  /* target: int64_t, 0 and more */
    OPTION_TEXT,    /* target: const char * */
    OPTION_CHOICE,  /* target: int, index into choices */
    OPTION_MEASURE, /* target: int, enum measure, by its name for --by; or MEASURES + index into choices */
    OPTION_BYTES,   /* target: int64_t; 50MiB, 1.5k, 4096 */
    OPTION_SHARE,   /* target: double, 0.05 for 5% */
    OPTION_EVERY,   /* target: double, seconds: 1 where only --name is there, else --name=SECONDS */
};

struct option_spec {
    const char *name; /* without "--"; of one letter: without "-" */
    enum option_kind kind;
    void *target;
    const char *value;          /* how help calls the value, NULL for flags and choices */
    const char *help;           /* one line */
    const char *const *choices; /* ends with NULL; of a measure: what else there is */
};

struct manual {
    const char *operands;              /* as in the usage line, "" = none */
    const char *about;                 /* one or two sentences */
    const struct option_spec *options; /* ends with a NULL name; NULL = none but the common ones */
    const char *examples[3][2];        /* arguments, what they show; two at least */
    int most;                          /* operands at most, -1 = any number */
    const char *whole;                 /* why there is no --from and --to, and what to do instead */
};

#define ARGS_GO_ON (-1)

/* An option that is not in the help: lists the options, for shells that complete them. */
#define ARGS_WORDS "--list-options"

/* Parses argv; operands are moved to the front of argv[1..] and counted. ARGS_GO_ON, or the exit status after
 * help was printed or something was wrong. */
int args_parse(struct report *report, const struct manual *manual, int argc, char **argv, int *operands);

/* Whether this option, of whichever subcommand, has its value in the next argument. */
int args_value_follows(const struct report *report, const char *argument);

/* Sets the width by what the terminal's is now. */
void args_measure(struct report *report);

/* Edits between two words (Levenshtein); words are cut at 63 characters. */
unsigned args_distance(const char *a, const char *b);

/* The candidate most like text, NULL = none is. */
const char *args_nearest(const char *text, const char *const *candidates, size_t count);

#endif
