/* patch.h - leads an unprepared program's calls of the allocator through our hooks, and back.
 *
 * Three kinds of places say where malloc is:
 *
 *   slots     the pointers that the loader has filled in for each module (JUMP_SLOT, GLOB_DAT and those of pointers)
 *   symbols   the allocator's own symbol table: modules loaded later, calls that are bound later, dlsym()
 *   loader    four pointers in ld.so, which lead its own calls; by its calls we hear of modules that come and
 * go
 *
 * All are found by their value: what points to the allocator's function, points to our hook afterwards, and
 * what points to our hook, points to the allocator's function after patch_off(). So nothing needs to be
 * remembered of modules that may be gone by then.
 */
#ifndef LIBTRACE_PATCH_H
#define LIBTRACE_PATCH_H

#include <stdint.h>

/* Finds the allocator's functions in the symbol tables of the modules, in the order in which the loader
 * searches them, and makes them the hooks' real functions. Returns 0 or an ATTACH_* code. Call it once,
 * before the first patch_on(). */
int patch_find(void);

/* Both may run while other threads allocate. patch_on() returns 0 or an ATTACH_* code, and adds the number
 * of changed pointers to *slots. patch_off() returns how many could not be restored. */
int patch_on(uint32_t *slots);
int patch_off(void);

#endif
