/* attribution.h - which line an allocation counts for.
 *
 * Of its stack, from the innermost frame outwards: the first line with source that is no allocator's (of
 * malloc's wrappers, of the containers of the language's own library and the like); where there is none, the
 * first line that is no allocator's; else the innermost. What a Python interpreter allocates for the code that
 * it runs counts for the line of that code.
 */
#ifndef LIBTRACE_ATTRIBUTION_H
#define LIBTRACE_ATTRIBUTION_H

#include "intern.h"

/* The line that a stack's allocations count for: a number of the run, never 0. */
uint32_t attribution_line(const struct attribution *attribution);

/* What a stack of the run shows. Looks up symbols; the lines of frames that are new to it are written. */
struct attribution attribution_of(struct intern *intern, uint32_t node);

#endif
