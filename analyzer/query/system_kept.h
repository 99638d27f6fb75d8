/* system_kept.h - blocks that the C library, the loader, the languages' own libraries and Python's
 * interpreter keep on purpose until every program's end: they are nobody's leaks. */
#ifndef LIBTRACE_QUERY_SYSTEM_KEPT_H
#define LIBTRACE_QUERY_SYSTEM_KEPT_H

#include "profile.h"

/* One kind of such blocks. */
struct kept_kind {
    const char *what;        /* its name for users */
    bool interpreter;        /* Python's, see python_kept.h */
    int64_t stacks;          /* how many stacks were found, */
    struct store_measures m; /* and what they hold together */
};

struct kept {
    struct kept_kind *kinds; /* NULL: nothing is searched for */
    size_t count;
    struct profile profile; /* the run whose stacks are looked at */
    unsigned char *of_node; /* by node of the profile: the kind, count = none */
    unsigned char *python;  /* by node: enum python_kept */
};

/* Looks at all stacks of the run. python: some process recorded when its interpreter began to shut down,
 * so blocks without Python code in the stack are known as of the end. On failure prints why; call
 * kept_free() in any case. */
int kept_load(const struct report *report, const struct run *run, bool python, struct kept *kept);

/* True if a stack's blocks are kept on purpose; counts them. */
int kept_match(struct kept *kept, int64_t stack, const struct store_measures *m);
void kept_free(struct kept *kept);

#endif
