/* type_names.h - names of types as a demangler writes them. */
#ifndef LIBTRACE_SYMBOLS_TYPE_NAMES_H
#define LIBTRACE_SYMBOLS_TYPE_NAMES_H

#include "interned.h"

#include <elfutils/libdw.h>

/* "app::Part<3>", "char const*": with what is around the type; a typedef is what it stands for. Interned; NULL = it has no name,
 * or is a function's. Reads the type's unit up to the type. */
const char *type_name(struct strings *strings, Dwarf_Die *type);

#endif
