/* inflate.h - files with compressed debug information, as files in memory that have it uncompressed. */
#ifndef LIBTRACE_SYMBOLS_INFLATE_H
#define LIBTRACE_SYMBOLS_INFLATE_H

#include <stdint.h>

/* See symbols_limit(). */
void inflate_limit(int (*fits)(uint64_t bytes));
int inflate_fits(uint64_t bytes);

/* If the ELF file has compressed debug information: closes it, and returns the descriptor of a file in memory
 * that is the same with its sections inflated, and without those that are of no use here. Returns the
 * descriptor that it was given in all other cases: nothing is compressed, or not in a way that is known here
 * (libelf may know it), the file is broken, no memory; or there is too little of it, which sets *too_large:
 * then libelf should not do it either. The caller closes what is returned; -1 stays -1. */
int inflate_debug_sections(int fd, int *too_large);

#endif
