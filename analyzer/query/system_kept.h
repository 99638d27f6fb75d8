/* system_kept.h - blocks that the C library, the loader, the languages' own libraries and Python's interpreter keep in
 * every program, until it ends and on purpose: nobody's leaks.
 */
#ifndef LIBTRACE_QUERY_SYSTEM_KEPT_H
#define LIBTRACE_QUERY_SYSTEM_KEPT_H

#include "profile.h"

/* One kind of them. */
struct kept_kind {
    const char *what;        /* for people */
    bool interpreter;        /* Python's, see python_kept.h */
    int64_t stacks;          /* that were found, */
    struct store_measures m; /* and all that they hold */
};

struct kept {
    struct kept_kind *kinds; /* NULL: nothing is looked for */
    size_t count;
    struct profile profile; /* the run whose stacks are looked at */
    unsigned char *of_node; /* by node of the profile: the kind, count = none */
    unsigned char *python;  /* by node: enum python_kept */
};

/* Looks at all stacks of the run. python: processes of it told when their interpreter's end began, so what runs no Python
 * code is known to be there at the end. On failure says why; kept_free in any case. */
int kept_load(const struct report *report, const struct run *run, bool python, struct kept *kept);

/* True where a stack's blocks are kept on purpose; counts what was. */
int kept_match(struct kept *kept, int64_t stack, const struct store_measures *m);
void kept_free(struct kept *kept);

#endif
