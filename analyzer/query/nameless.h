/* nameless.h - why lines have no names, and what would give them some. */
#ifndef LIBTRACE_QUERY_NAMELESS_H
#define LIBTRACE_QUERY_NAMELESS_H

#include "run.h"

/* One dim line where 5 % or more of a measure have no line: "53 % without lines: install git-dbgsym". */
void nameless_print(const struct report *report, const struct run *run, enum measure by);

/* Debian's package with the debug information of a file, malloc'ed; NULL where no package has that file. */
char *nameless_package(const char *file);

/* What became of a module's file, as the column module.symbols says. */
enum { SYMBOLS_LINES, SYMBOLS_NAMES, SYMBOLS_NONE, SYMBOLS_MISSING, SYMBOLS_REPLACED, SYMBOLS_GONE };

#endif
