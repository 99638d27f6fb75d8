/* attribution.h - which line an allocation counts for.
 *
 * Of its stack, from the innermost frame outwards: the first line with source that is not an allocator's (nor of
 * wrappers of malloc, containers of the language's own library and the like); without one, the first line that is
 * not an allocator's; else the innermost line. What a Python interpreter allocates for the code that it runs counts
 * for the line of that code.
 */
#ifndef LIBTRACE_ATTRIBUTION_H
#define LIBTRACE_ATTRIBUTION_H

#include "intern.h"

/* The line that a stack's allocations count for: a number in the run, never 0. */
uint32_t attribution_line(const struct attribution *attribution);

/* The lines that a stack of the run shows. Looks up symbols, and writes lines that are new. */
struct attribution attribution_of(struct intern *intern, uint32_t node);

#endif
