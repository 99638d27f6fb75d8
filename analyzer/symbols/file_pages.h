/* file_pages.h - gives up pages of a module's file that were read: they count as memory of whoever has them
 * mapped, and a large program's symbols are megabytes. */
#ifndef LIBTRACE_SYMBOLS_FILE_PAGES_H
#define LIBTRACE_SYMBOLS_FILE_PAGES_H

#include "elf_image.h"

/* Of one file's symbol tables and debug information. What was found in them stays where it is: it is read from the file
 * again where it is needed. */
void file_pages_let_go(const struct image *image, Elf *elf);

/* The same, of the files that the module's symbols are in. symbols: as libdwfl counts them. */
void file_pages_let_go_symbols(const struct image *image, int symbols);

#endif
