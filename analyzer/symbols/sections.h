/* sections.h - finds sections of debug information by name. */
#ifndef LIBTRACE_SYMBOLS_SECTIONS_H
#define LIBTRACE_SYMBOLS_SECTIONS_H

#include <libelf.h>
#include <stddef.h>

/* Points into the file's memory; "" and 0 if there is no such section. */
struct section {
    const char *text;
    size_t size;
};

/* name: without its dot. Compressed sections, under either of their names, are inflated. is_split: use the
 * name that it has in a .dwo file. */
struct section section_find(Elf *elf, const char *name, int is_split);

#endif
