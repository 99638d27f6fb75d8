/* names.h - function names as short as the room for them asks, and no shorter: what tells functions apart is
 * the end of their names, not the namespaces at the beginning nor the types in between.
 */
#ifndef LIBTRACE_QUERY_NAMES_H
#define LIBTRACE_QUERY_NAMES_H

#include <stddef.h>

/* "std::vector<std::pair<int, int> >::push_back(int&&)" without what templates and functions take:
 * "std::vector<…>::push_back(…)". malloc'ed; of a harmless name, harmless. */
char *names_shorten(const char *name);

/* A malloc'ed copy of a harmless name in so many columns: without arguments, so that all names of a screen are alike,
 * or without its namespaces ("…push_back(…)"), or at last cut at its end. */
char *names_cut(const char *name, size_t columns);

#endif
