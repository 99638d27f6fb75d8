/* codes.h - code objects and instructions in them, as numbers that the collector knows.
 *
 * A code object is described once, by its contents; the number stands for the contents. Its address leads to
 * the number as long as the object lives: the object allocator's free, which domains.c stands in for, takes
 * it out. Code that is compiled again and again keeps its number.
 */
#ifndef LIBTRACE_PYTHON_CODES_H
#define LIBTRACE_PYTHON_CODES_H

#include "guest.h"

#include <stdatomic.h>
#include <stdint.h>

/* Changed whenever what somebody remembers of code objects by their addresses may be wrong. A multiple of
 * CODES_GENERATION. */
#define CODES_GENERATION (1ull << 32)
extern HIDDEN _Atomic uint64_t codes_generation;

/* The frame number of an instruction of a live code object (raw: what the frame says, see
 * python_layout.instruction); 0 = cannot be described. */
uint32_t codes_frame(uintptr_t code, uint64_t raw);

/* Before the memory of a code object is given back. */
void codes_died(uintptr_t code);

/* After fork: nothing is described yet. */
void codes_forked(void);

#endif
