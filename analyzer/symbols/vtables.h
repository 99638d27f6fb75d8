/* vtables.h - the classes whose vtables are in a module, from its symbols. */
#ifndef LIBTRACE_SYMBOLS_VTABLES_H
#define LIBTRACE_SYMBOLS_VTABLES_H

#include "elf_image.h"
#include "interned.h"

struct vtable {
    const char *name; /* of the symbol, in the ELF file, alive as long as the image */
    uint64_t low, high;
};

struct vtables {
    struct vtable *all; /* sorted by address */
    size_t count;
};

/* -1 = out of memory; the table is empty then. */
int vtables_read(struct vtables *table, const struct image *image);
void vtables_free(struct vtables *table);

/* The class whose vtable an address is in, behind its head, as objects have it; "" = it is one for the time in which
 * a class derived from this one is constructed. NULL = there is none. */
const char *vtables_find(const struct vtables *table, struct strings *strings, uint64_t address);

/* A type by the name that its type information has; NULL = that is none. */
const char *vtables_type(struct strings *strings, const char *name);

#endif
