/* python_classes.h - what is known of Python's classes besides what is counted. */
#ifndef LIBTRACE_ADVISE_PYTHON_CLASSES_H
#define LIBTRACE_ADVISE_PYTHON_CLASSES_H

#include "advice.h"

/* True for a class of the program's own modules, written in Python: others have no __slots__ that could be added. */
bool python_class_is_own(const struct advice *advice, const char *type);

/* True if the source of the program's own modules says that something needs the instances' dict; what is not at hand says
 * nothing. */
bool python_class_needs_dict(const struct advice *advice, const char *type);

/* How many attributes' names the class's instances share, as far as was seen; -1 = not known. */
int64_t python_class_keys(const struct advice *advice, const char *type);

/* True if the run's interpreter is a CPython 3.11. */
bool python_is_3_11(const struct profile *profile);

#endif
