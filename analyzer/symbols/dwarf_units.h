/* dwarf_units.h - lines, functions and inlined calls from DWARF.
 *
 * Units (one source file and what it includes, as a rule) are found by their ranges; a unit's functions and
 * lines are read when the first address in it is looked up.
 */
#ifndef LIBTRACE_SYMBOLS_DWARF_UNITS_H
#define LIBTRACE_SYMBOLS_DWARF_UNITS_H

#include "elf_image.h"
#include "interned.h"
#include "symbols.h"

struct dwarf;

/* NULL: no DWARF that describes code, or no memory. The image and the strings must outlive the result. */
struct dwarf *dwarf_read(const struct image *image, struct strings *strings);
void dwarf_free(struct dwarf *dwarf);

#define DWARF_NO_SYMBOL UINT64_MAX

/* As symbols_resolve, but 0 if DWARF does not know the address. A frame's function is NULL where it has no
 * name. *symbol_at: an address whose symbol is a better name for the last frame, or DWARF_NO_SYMBOL: DWARF
 * names some functions without their scope and parameters (units with little debug information), or not
 * at all. */
size_t dwarf_resolve(struct dwarf *dwarf, uint64_t address, struct symbols_frame *frames, size_t max,
                     uint64_t *symbol_at);

#endif
