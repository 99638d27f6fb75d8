/* names.h - shortens function names only as much as the width requires: the end of a name tells functions
 * apart, not the namespaces at its beginning or the types in between. */
#ifndef LIBTRACE_QUERY_NAMES_H
#define LIBTRACE_QUERY_NAMES_H

#include <stddef.h>

/* "std::vector<std::pair<int, int> >::push_back(int&&) [clone .part.0]" without arguments of templates and
 * functions, and without a compiler's suffixes: "std::vector<…>::push_back(…)". malloc'ed; harmless if name is. */
char *names_shorten(const char *name);

/* A malloc'ed copy of a harmless name in at most so many columns: without arguments, as all names on a
 * screen are shown alike; if that is too long, without namespaces ("…push_back(…)"); else cut at its end. */
char *names_cut(const char *name, size_t columns);

/* What a function itself is called, without namespaces, classes, arguments and a compiler's suffixes: the "alloc" of
 * "void* Pool<int>::alloc<long>(unsigned long) const", and Rust's "<Pool as Alloc>::alloc::<u8>::{closure#0}". Not
 * terminated: it is of the name, as long as *length says; 0 = it has none. */
const char *names_own(const char *name, size_t *length);

#endif
