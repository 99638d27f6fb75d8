/* elf_image.h - a module's ELF file and the debug files that belong to it, found and opened by libdwfl.
 *
 * Nothing is ever fetched over a network: debuginfod is disabled, whatever the environment says.
 */
#ifndef LIBTRACE_SYMBOLS_ELF_IMAGE_H
#define LIBTRACE_SYMBOLS_ELF_IMAGE_H

#include <stddef.h>
#include <stdint.h>
#include <elfutils/libdwfl.h>

/* Addresses below are the file's own (ELF virtual addresses), not those of libdwfl. */
struct address_range {
    uint64_t low, high;
};

struct image {
    Dwfl *dwfl;                 /* owns everything that was opened; NULL = not open */
    Dwfl_Module *module;        /* the only one of dwfl */
    const char *path;           /* where the file is or was; owned by libdwfl */
    GElf_Addr bias;             /* an address of libdwfl minus the file's */
    struct address_range *text; /* executable sections, sorted by low */
    size_t text_count;
    int is_inflated, is_debug_inflated; /* the file, or its debug file, is a copy in memory */
    int is_searched;                    /* for its debug file */
    int is_too_large; /* its debug information is compressed, and there is not enough memory to inflate it */
};

enum image_result {
    IMAGE_OPENED,
    IMAGE_MISSING,  /* not there, not readable, or neither a program nor a shared object */
    IMAGE_REPLACED, /* there, but its build ID is not the one asked for */
};

/* Opens a file if it has this build ID (or build_id_size is 0), else a debug file with this build ID. file: a
 * descriptor, which the image owns from now on, or -1 for the file at path. image: must be all zero. */
enum image_result image_open(struct image *image, int file, const char *path, const uint8_t *build_id,
                             size_t build_id_size);

/* Opens only the debug file: IMAGE_OPENED or IMAGE_MISSING. */
enum image_result image_open_debug(struct image *image, const uint8_t *build_id, size_t build_id_size);
void image_close(struct image *image);

/* True if there can be code at this address. Debug information of code that the linker dropped gives
 * addresses at or near 0, where no code is. */
int image_is_text(const struct image *image, uint64_t address);

/* Copies so many bytes of code from an address; 0 if they are not all there. */
int image_code(const struct image *image, uint64_t address, void *to, size_t size);

/* Sets where separate debug files are searched by build ID and by path; "/usr/lib/debug" if never called.
 * It affects images opened later; the string is not copied and must stay valid. */
void image_set_debug_directory(const char *directory);

#endif
