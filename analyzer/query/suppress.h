/* suppress.h - suppression files in LeakSanitizer's syntax: leaks that are known and accepted.
 *
 *   # comment
 *   leak:PATTERN
 *
 * A stack is suppressed if the function, the file or the module of any of its frames contains PATTERN, in which
 * * stands for anything, ^ for the beginning and $ for the end of the name.
 */
#ifndef LIBTRACE_QUERY_SUPPRESS_H
#define LIBTRACE_QUERY_SUPPRESS_H

#include "profile.h"

struct suppression {
    char *pattern;           /* as in the file */
    char *glob;              /* the same for sqlite3_strglob */
    int64_t sites;           /* that it suppressed */
    struct store_measures m; /* of them all */
};

struct suppressions {
    struct suppression *list;
    size_t count;
    struct profile profile; /* the run whose stacks are looked at */
    uint32_t *of_node;      /* by node of the profile: the first suppression that matches, count = none */
};

/* Reads the file and looks at all stacks of the run. On failure says why; suppressions_free in any case. */
int suppressions_load(const struct report *report, const char *file, const struct run *run,
                      struct suppressions *suppressions);

/* True where a stack is suppressed; counts what was. */
int suppressions_match(struct suppressions *suppressions, int64_t stack, const struct store_measures *m);
void suppressions_free(struct suppressions *suppressions);

#endif
