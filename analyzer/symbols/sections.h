/* sections.h - sections of debug information by their names. */
#ifndef LIBTRACE_SYMBOLS_SECTIONS_H
#define LIBTRACE_SYMBOLS_SECTIONS_H

#include <libelf.h>
#include <stddef.h>

/* In the file's memory; "" and 0 where there is none. */
struct section {
    const char *text;
    size_t size;
};

/* name: without its dot; compressed ones count, by both their names, and are inflated. is_split: as it is
 * called in a .dwo file. */
struct section section_find(Elf *elf, const char *name, int is_split);

#endif
