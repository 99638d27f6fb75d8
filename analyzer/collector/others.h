/* others.h - processes of a run that have not told of themselves: forked, with nothing allocated so far.
 */
#ifndef LIBTRACE_OTHERS_H
#define LIBTRACE_OTHERS_H

#include "wire.h"

#include <stdbool.h>
#include <stddef.h>

/* True if a process but this one has the arena mapped. Else nobody can map it any more, and it is our own
 * alone: of it, only struct wire_arena may be written to from now on, and nobody sees it. arena: the mapping
 * of the descriptor memory, of so many bytes; no other thread may use it meanwhile. */
bool others_have_arena(struct wire_arena *arena, int memory, size_t size);

#endif
