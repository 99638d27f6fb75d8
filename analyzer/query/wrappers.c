/* wrappers.c - see wrappers.h. */
#include "wrappers.h"
#include "fold.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* Names of functions that may be mere wrappers of an allocator; whether one is, its callees tell. The last ones are those of
 * obstacks, which many programs bring along (gnulib, libiberty). */
static const char *const like_wrappers[] = {
    "*alloc",  "*alloc0",  "*alloc_n", "*malloc*",        "*calloc*",          "*realloc*",
    "*strdup", "*strndup", "*memdup",  "*obstack_begin*", "*obstack_newchunk", "call_chunkfun"};

enum { LIKE_ONE = 1, RUNTIME = 2 };

static unsigned char flags_of(const struct profile_place *place)
{
    if (fold_is_runtime(place->function, place->file, place->library_code))
        return RUNTIME;
    for (size_t i = 0; i < sizeof like_wrappers / sizeof like_wrappers[0]; i++)
        if (strcmp(place->language, "native") == 0 && sqlite3_strglob(like_wrappers[i], place->function) == 0)
            return LIKE_ONE;
    return 0;
}

/* Clears what is called like a wrapper and was seen to call something of the program's own, from a node outwards. */
static void clear_callers(const struct profile *p, uint32_t node, unsigned char *flags)
{
    uint32_t place = 0;
    bool inner = false; /* something of the program's own is further in */

    for (int n = 0; node != PROFILE_NONE && n < 2; n += place == 0) {
        const struct profile_frame *frame = &p->frames[p->nodes[node].frame];
        unsigned char *of = &flags[p->frame_places[frame->first + place]];

        if (inner)
            *of &= (unsigned char)~LIKE_ONE;
        inner |= *of == 0;
        if (++place == frame->count) {
            place = 0;
            node = p->nodes[node].parent;
        }
    }
}

unsigned char *wrappers_guess(const struct profile *profile)
{
    unsigned char *flags = malloc(profile->place_count + 1);

    if (flags == NULL)
        return NULL;
    for (size_t i = 0; i < profile->place_count; i++)
        flags[i] = flags_of(&profile->places[i]);
    for (size_t i = 0; i < profile->node_count; i++)
        clear_callers(profile, (uint32_t)i, flags);
    for (size_t i = 0; i < profile->place_count; i++)
        flags[i] = flags[i] == LIKE_ONE;
    return flags;
}
