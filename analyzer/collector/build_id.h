/* build_id.h - reads what identifies a program or library, from its first pages only. */
#ifndef LIBTRACE_BUILD_ID_H
#define LIBTRACE_BUILD_ID_H

#include <stddef.h>
#include <stdint.h>

#define BUILD_ID_MAX 64

/* Reads the GNU build ID from the loaded notes of an ELF file. Returns its size, 0 = none. The file may be
 * anything. */
size_t build_id_read(int file, uint8_t id[BUILD_ID_MAX]);

#endif
