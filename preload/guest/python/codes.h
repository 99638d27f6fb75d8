/* codes.h - numbers code objects, and instructions in them, for the collector.
 *
 * A code object is described once, by its contents, which its number stands for. Its address leads to the
 * number as long as the object lives: when its memory is freed, which domains.c sees, the address is
 * forgotten. Code that is compiled again and again keeps its number.
 */
#ifndef LIBTRACE_PYTHON_CODES_H
#define LIBTRACE_PYTHON_CODES_H

#include "guest.h"

#include <stdatomic.h>
#include <stdint.h>

/* Changes whenever something that is remembered about code objects by address may be wrong. A multiple of
 * CODES_GENERATION. */
#define CODES_GENERATION (1ull << 32)
extern HIDDEN _Atomic uint64_t codes_generation;

/* The frame number of an instruction of a live code object; 0 = it cannot be described. raw: the value in
 * the frame, see python_layout.instruction. */
uint32_t codes_frame(uintptr_t code, uint64_t raw);

/* Call before the memory of a code object is freed. */
void codes_died(uintptr_t code);

/* Call after a fork: nothing is described yet. */
void codes_forked(void);

#endif
