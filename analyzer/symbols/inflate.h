/* inflate.h - files with compressed debug information, as files in memory that have it uncompressed. */
#ifndef LIBTRACE_SYMBOLS_INFLATE_H
#define LIBTRACE_SYMBOLS_INFLATE_H

/* If the ELF file has compressed debug information: closes it, and returns the descriptor of a file in memory
 * that is the same with its sections inflated, and without those that are of no use here. Returns the
 * descriptor that it was given in all other cases: nothing is compressed, or not in a way that is known here
 * (libelf may know it), the file is broken, no memory. The caller closes what is returned; -1 stays -1. */
int inflate_debug_sections(int fd);

#endif
