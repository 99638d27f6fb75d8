/* nameless.h - why lines have no names, and what to do about it. */
#ifndef LIBTRACE_QUERY_NAMELESS_H
#define LIBTRACE_QUERY_NAMELESS_H

#include "run.h"

/* Prints one dim line if 5 % or more of a measure have no line: "53 % without lines: install git-dbgsym". */
void nameless_print(const struct report *report, const struct run *run, enum measure by);

/* The Debian package with the debug information of a file, malloc'ed; NULL if no package has that file. */
char *nameless_package(const char *file);

/* What was found for a module: the values of the column module.symbols. */
enum {
    SYMBOLS_LINES,
    SYMBOLS_NAMES,
    SYMBOLS_NONE,
    SYMBOLS_MISSING,
    SYMBOLS_REPLACED,
    SYMBOLS_GONE,
    SYMBOLS_SHORT
};

#endif
