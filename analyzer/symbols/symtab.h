/* symtab.h - functions' names from symbol tables: .symtab (of the file or its debug file), .gnu_debugdata,
 * .dynsym.
 */
#ifndef LIBTRACE_SYMBOLS_SYMTAB_H
#define LIBTRACE_SYMBOLS_SYMTAB_H

#include "elf_image.h"
#include "intervals.h"
#include "interned.h"

struct symtab {
    const char **names; /* sorted by address */
    uint8_t *
        shown; /* bits: the name is demangled and interned; else it is in the ELF file, alive as long as the image */
    uint8_t *aliases; /* bits: it is of the same code as the name before */
    size_t count;
    struct intervals by_address; /* ids are indices into names */
    const struct image *image;
    int total;        /* symbols of all kinds */
    unsigned touched; /* names that were looked at since the file's pages were given up */
};

/* Reads all names of code; the image must outlive the table. -1 = out of memory; the table is empty then. */
int symtab_read(struct symtab *table, const struct image *image);
void symtab_free(struct symtab *table);

/* The function that covers the address, demangled; NULL = none (or out of memory). */
const char *symtab_find(struct symtab *table, struct strings *strings, uint64_t address);

#endif
