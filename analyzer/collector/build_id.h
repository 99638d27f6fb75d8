/* build_id.h - what tells a program or library from all others, without looking at more than its first pages.
 */
#ifndef LIBTRACE_BUILD_ID_H
#define LIBTRACE_BUILD_ID_H

#include <stddef.h>
#include <stdint.h>

#define BUILD_ID_MAX 64

/* The GNU build ID in the loaded notes of an ELF file: its size, 0 = none, or no such file. The file may be
 * anything. */
size_t build_id_read(int file, uint8_t id[BUILD_ID_MAX]);

#endif
