/* dwarf_units.h - lines, functions and inlined calls from DWARF.
 *
 * Units (as a rule one source file and what it includes) are found by their address ranges. A unit's functions
 * and lines are read when the first address in it is looked up.
 */
#ifndef LIBTRACE_SYMBOLS_DWARF_UNITS_H
#define LIBTRACE_SYMBOLS_DWARF_UNITS_H

#include "elf_image.h"
#include "interned.h"
#include "symbols.h"

struct dwarf;

/* NULL = no DWARF that describes code, or out of memory. The image and the strings must outlive the
 * result. */
struct dwarf *dwarf_read(const struct image *image, struct strings *strings);
void dwarf_free(struct dwarf *dwarf);

#define DWARF_NO_SYMBOL UINT64_MAX

/* Like symbols_resolve(), but returns 0 if DWARF does not know the address. A frame's function is NULL if
 * it has no name. *symbol_at: an address whose symbol is a better name for the last frame, or
 * DWARF_NO_SYMBOL: units with little debug information name some functions without scope and parameters,
 * or not at all. */
size_t dwarf_resolve(struct dwarf *dwarf, uint64_t address, struct symbols_frame *frames, size_t max,
                     uint64_t *symbol_at);

/* See symbols_made(). */
const char *dwarf_made(struct dwarf *dwarf, uint64_t address, uint64_t size);

#endif
