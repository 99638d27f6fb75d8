/* inflate.h - copies a file with compressed debug information to one in memory that is not compressed. */
#ifndef LIBTRACE_SYMBOLS_INFLATE_H
#define LIBTRACE_SYMBOLS_INFLATE_H

#include <stdint.h>

/* See symbols_limit(). */
void inflate_limit(int (*fits)(uint64_t bytes));
int inflate_fits(uint64_t bytes);

/* If the ELF file has compressed debug information: closes it, and returns the descriptor of a file in
 * memory that has its sections inflated, but leaves out those that are of no use here. Otherwise returns
 * fd itself: nothing is compressed, the compression is unknown here (libelf may know it), the file is
 * broken, or there is no memory. If memory is too short for the inflated file, *too_large is set: libelf
 * should not inflate it either. The caller closes the result; -1 stays -1. */
int inflate_debug_sections(int fd, int *too_large);

#endif
