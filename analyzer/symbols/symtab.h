/* symtab.h - functions' names from symbol tables: .symtab (of the file or its debug file), .gnu_debugdata,
 * .dynsym.
 */
#ifndef LIBTRACE_SYMBOLS_SYMTAB_H
#define LIBTRACE_SYMBOLS_SYMTAB_H

#include "elf_image.h"
#include "intervals.h"
#include "interned.h"

struct symbol {
    const char *name;  /* in the ELF file, alive as long as the image */
    const char *shown; /* demangled and interned on first use, else NULL */
    uint64_t low;      /* address in the file */
    uint64_t size;     /* 0 = not known: it extends to the next symbol */
    uint64_t limit;    /* end of its section */
};

struct symtab {
    struct symbol *all; /* sorted by address; of those with equal addresses, the best name is last */
    size_t count;
    struct intervals by_address; /* ids are indices into all */
};

/* Reads all names of code. -1 = out of memory; the table is empty then. */
int symtab_read(struct symtab *table, const struct image *image);
void symtab_free(struct symtab *table);

/* The function that covers the address, demangled; NULL = none (or out of memory). */
const char *symtab_find(struct symtab *table, struct strings *strings, uint64_t address);

#endif
