/* wrappers.c - see wrappers.h. */
#include "wrappers.h"
#include "fold.h"
#include "names.h"

#include <ctype.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* Own names of functions that may be mere wrappers of an allocator, in small letters; whether one is, its callees tell.
 * Allocators of C++'s containers allocate(), those of Rust's programs alloc_zeroed(), too. The last ones are those of
 * obstacks, which many programs bring along (gnulib, libiberty). */
static const char *const like_wrappers[] = {
    "*alloc",   "*alloc0",         "*alloc_n",          "*alloc_zeroed", "*malloc*",
    "*calloc*", "*realloc*",       "*allocate",         "*strdup",       "*strndup",
    "*memdup",  "*obstack_begin*", "*obstack_newchunk", "call_chunkfun"};

enum { LIKE_ONE = 1, RUNTIME = 2 };

#define OWN_NAME 64 /* bytes of a name, from its end */

static bool is_like_wrapper(const char *function)
{
    size_t length;
    const char *own = names_own(function, &length);
    size_t left_out = length < OWN_NAME ? 0 : length - OWN_NAME + 1;
    char name[OWN_NAME];

    for (size_t i = left_out; i < length; i++)
        name[i - left_out] = (char)tolower((unsigned char)own[i]);
    name[length - left_out] = '\0';
    for (size_t i = 0; i < sizeof like_wrappers / sizeof like_wrappers[0]; i++)
        if (sqlite3_strglob(like_wrappers[i], name) == 0)
            return true;
    return false;
}

static unsigned char flags_of(const struct profile_place *place)
{
    if (fold_is_runtime(place->function, place->file, place->library_code))
        return RUNTIME;
    return strcmp(place->language, "native") == 0 && is_like_wrapper(place->function) ? LIKE_ONE : 0;
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

    for (size_t i = 0; i < profile->place_count; i++)
        flags[i] = flags_of(&profile->places[i]);
    for (size_t i = 0; i < profile->node_count; i++)
        clear_callers(profile, (uint32_t)i, flags);
    for (size_t i = 0; i < profile->place_count; i++)
        flags[i] = flags[i] == LIKE_ONE;
    return flags;
}
