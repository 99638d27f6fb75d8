/* deep.c - stacks that are deeper than LIBTRACE_DEPTH.
 *
 *        kept: these make the node              not kept, but known to be there
 *   |-------------------------------|------------------------------|- - - - - - - - ->
 *   top                             base                           end of what is remembered
 *
 * One frame more than can be kept shows that a stack is deep. So that many are compared with memory, from the
 * top outwards. Those remembered further out are not, but may be needed again when frames have returned.
 * Where the stack is cut, at base, is chosen by kept.h: as long as base stays, stacks have nodes in common.
 */
#include "stack_cache.h"
#include "unwind.h"
#include "wire.h"

#include <string.h>

/* Moves the frames from p on outwards, but only as many as are needed, to make room for n more inside of
 * them. Returns p's new place. */
static struct seen *make_room(struct unwind *u, struct seen *p, uint32_t n)
{
    struct seen *end = u->seen + u->room;
    size_t wanted = n < u->depth ? u->depth + 1 - n : 1;
    if ((size_t)(end - p) <= wanted)
        return p; /* there is room, as the remembered frames are no more than a walk's */
    struct seen *moved = end - wanted;
    u->base += (uint32_t)(moved - p);
    if (u->base > u->room)
        u->base = u->room;
    memmove(moved, p, wanted * sizeof *p);
    u->outer = OUTER_DEEPER;
    /* No remembered frame depends on the outermost one's saved rbp any more. */
    if (end[-1].check != SEEN_ALWAYS_WALKED)
        end[-1].check = 0;
    return moved;
}

/* Makes a stack of the frames from base inwards. */
static void name_from(struct unwind *u, struct seen *top, struct seen *base)
{
    bool whole = base == u->seen + u->room && u->outer == OUTER_NONE;
    base->hash = whole ? STACK_CACHE_ROOT : STACK_CACHE_CUT;
    base->node = whole ? WIRE_NODE_ROOT : WIRE_NODE_CUT;
    for (struct seen *at = base - 1; at >= top; at--) {
        at->hash = stack_cache_hash(at[1].hash, at->frame);
        at->node = 0;
    }
    u->base = (uint32_t)(base - u->seen);
}

/* Not marked cold: each event of a deep recursion gets here. */
__attribute__((noinline)) struct seen *deep_keep(struct unwind *u, struct seen *p, uint32_t n)
{
    struct seen *end = u->seen + u->room;
    if (n + (uint32_t)(end - p) <= u->depth && u->outer == OUTER_DEEPER)
        return NULL;
    if (UNLIKELY((uint32_t)(p - u->seen) < n))
        p = make_room(u, p, n);
    struct seen *base = u->seen + u->base, *top = unwind_keep(u, p, n);
    if (end - top <= u->depth)
        name_from(u, top, end);
    else if (base == end || base - top > u->kept.most)
        name_from(u, top, top + u->kept.growing);
    else if (p > base || base - top < u->kept.least)
        name_from(u, top, top + u->kept.shrinking);
    return top;
}
