/* runtimes.h - code that comes without call frame information: what is known of its frames nevertheless.
 *
 * V8 keeps frame pointers in all that it generates; HotSpot tells where its frames end; Go keeps frame
 * pointers, and calls C on a stack of its own. Of other generated code nothing is known, and nothing is
 * guessed: there a stack is cut.
 */
#ifndef LIBTRACE_RUNTIMES_H
#define LIBTRACE_RUNTIMES_H

#include "extent.h"
#include "registers.h"

#include <link.h>

struct dl_phdr_info; /* of link.h, with _GNU_SOURCE */
#include <stdint.h>

enum runtime {
    RUNTIME_NONE = 0,
    RUNTIME_V8 = 1,
    RUNTIME_HOTSPOT = 2,
    RUNTIME_GO = 4,
};

struct module;

/* What a module brings with it: a bit of enum runtime, or none. Called with the loader's list at hand. */
unsigned runtime_of(const struct dl_phdr_info *info);

/* The rule for a return address without call frame information. module: NULL if it is in none. loaded: what
 * all modules bring together. */
uint32_t runtime_rule(uintptr_t return_address, const struct module *module, unsigned loaded);

/* From a frame of Go's asmcgocall, on the thread's stack, to the caller, mostly on that of a goroutine. */
bool runtime_go_step(uint32_t rule, struct registers *r, struct extent *stack);

/* ---- hotspot.c ---------------------------------------------------------------------------------- */

/* Notes where the virtual machine describes itself: its library was loaded. */
void hotspot_found(const struct dl_phdr_info *info);

/* From a frame of Java code to its caller; false if it is not one that the virtual machine knows. */
bool hotspot_step(struct registers *r, struct extent *stack);

#endif
