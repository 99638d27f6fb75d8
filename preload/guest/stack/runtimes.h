/* runtimes.h - code without call frame information, and what is known of its frames nevertheless.
 *
 * V8 keeps frame pointers in all code that it generates; HotSpot describes where its frames end; Go keeps
 * frame pointers, and calls C on another stack. Nothing is known about other generated code, and nothing is
 * guessed: such stacks are cut off there.
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

/* The runtime that a module contains: a bit of enum runtime, or 0. Called from within loader_modules(). */
unsigned runtime_of(const struct dl_phdr_info *info);

/* The rule for a return address without call frame information. module: NULL if it is in none. loaded: the
 * runtimes of all modules. */
uint32_t runtime_rule(uintptr_t return_address, const struct module *module, unsigned loaded);

/* From a frame of Go's asmcgocall, on the thread's stack, to its caller, mostly on a goroutine's stack. */
bool runtime_go_step(uint32_t rule, struct registers *r, struct extent *stack);

/* ---- hotspot.c ---------------------------------------------------------------------------------- */

/* Called when the virtual machine's library was loaded: notes where it describes itself. */
void hotspot_found(const struct dl_phdr_info *info);

/* From a frame of Java code to its caller; false if the virtual machine does not describe the frame. */
bool hotspot_step(struct registers *r, struct extent *stack);

#endif
