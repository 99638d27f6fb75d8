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

/* False if it is no ELF file that can be read. image_close() in both cases. */
bool image_open(struct image *image, const char *path);
void image_close(struct image *image);

/* Calls each(symbol, name, data) for the defined symbols of .dynsym, until it returns true. */
void image_symbols(struct image *image, bool (*each)(const GElf_Sym *, const char *, void *), void *data);

/* The address in the file of the first loaded segment's page: what the first mapping's start stands for. */
uintptr_t image_first_page(struct image *image);

/* The address in the file where its code has these bytes; 0 = nowhere. */
uintptr_t image_code(struct image *image, const void *bytes, size_t size);

#endif
