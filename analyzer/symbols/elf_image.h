/* elf_image.h - a module's ELF file and the debug files that belong to it, found and opened by libdwfl.
 *
 * Nothing is ever fetched over a network: debuginfod is kept out, whatever the environment says.
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
    const char *path;           /* where the file is or was; libdwfl's */
    GElf_Addr bias;             /* an address of libdwfl minus the file's */
    struct address_range *text; /* executable sections, sorted by low */
    size_t text_count;
    int is_too_large; /* its debug information is compressed, and memory too short for it */
};

enum image_result {
    IMAGE_OPENED,
    IMAGE_MISSING,  /* not there, not readable, or no ELF program or shared object */
    IMAGE_REPLACED, /* there, but with another build ID than asked for */
};

/* Opens a file if it has this build ID (or if build_id_size is 0), else a debug file with this build ID.
 * file: its descriptor, which is the image's from now on, or -1 for what is at path. image: all zero before.
 */
enum image_result image_open(struct image *image, int file, const char *path, const uint8_t *build_id,
                             size_t build_id_size);

/* The debug file alone: IMAGE_OPENED or IMAGE_MISSING. */
enum image_result image_open_debug(struct image *image, const uint8_t *build_id, size_t build_id_size);
void image_close(struct image *image);

/* Whether code can be at this address. Debug information of code that the linker threw away says that it is
 * at 0 or close to it, where no code is. */
int image_is_text(const struct image *image, uint64_t address);

/* Where separate debug files are searched by build ID and by path; "/usr/lib/debug" if never called. Holds
 * for images opened later; the string is not copied. */
void image_set_debug_directory(const char *directory);

#endif
