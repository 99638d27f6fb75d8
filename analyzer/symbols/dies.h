/* dies.h - steps from one DIE to another, in files that may be corrupt. */
#ifndef LIBTRACE_SYMBOLS_DIES_H
#define LIBTRACE_SYMBOLS_DIES_H

#include <elfutils/libdw.h>

/* The DIE that an attribute of another names; 0 = there is none. */
int die_refers(Dwarf_Die *die, unsigned attribute, Dwarf_Die *to);

/* Steps to the next sibling, which is always further on in the file; 0 = there is none. */
int die_next(Dwarf_Die *die);

#endif
