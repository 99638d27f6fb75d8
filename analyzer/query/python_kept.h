/* python_kept.h - which stacks are the interpreter's own: what its start and imports keep. */
#ifndef LIBTRACE_QUERY_PYTHON_KEPT_H
#define LIBTRACE_QUERY_PYTHON_KEPT_H

#include "profile.h"

enum python_kept {
    PYTHON_NOWHERE, /* no Python code in the stack */
    PYTHON_KEPT,
    PYTHON_OWN, /* the program's */
};

/* For each node of the profile; malloc'ed. */
unsigned char *python_kept_nodes(const struct profile *profile);

/* True for the interpreter's executable or its library. */
bool python_kept_is_interpreter(const char *module);

/* True for files of Python's own modules, and of installed ones. */
bool python_kept_is_library(const char *file);

#endif
