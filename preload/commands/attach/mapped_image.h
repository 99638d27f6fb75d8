/* mapped_image.h - an ELF file that is mapped into a program: its symbols, its code. */
#ifndef LIBTRACE_ATTACH_MAPPED_IMAGE_H
#define LIBTRACE_ATTACH_MAPPED_IMAGE_H

#include <gelf.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct image {
    int file;
    Elf *elf;
};

/* file: open for reading, to be closed by image_close(), or -1. False if it is not an ELF file. Call image_close() in either
 * case. Files may be changed by others while they are read. */
bool image_open(struct image *image, int file);
void image_close(struct image *image);

/* Calls each(symbol, name, data) for the defined symbols of .dynsym, until it returns true. */
void image_symbols(struct image *image, bool (*each)(const GElf_Sym *, const char *, void *), void *data);

/* The address in the file that the start of its first mapping corresponds to: the page of its first loaded
 * segment. */
uintptr_t image_first_page(struct image *image);

/* The address in the file at which its code has these bytes; 0 = nowhere. */
uintptr_t image_code(struct image *image, const void *bytes, size_t size);

#endif
