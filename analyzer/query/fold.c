/* fold.c - see fold.h. */
#include "fold.h"
#include "type_boxes.h"

#include <stdlib.h>
#include <string.h>

/* Functions that call main or a thread's function. */
static const char *const beginnings[] = {"_start", "start_thread", "clone", "clone3", "__clone", "__clone3"};

/* Beginnings of names; versions and suffixes follow. Functions of the C and C++ libraries whose names are
 * not known are the runtime's as well. */
static const char *const prefixes[] = {
    "__libc_start_main", "__libc_start_call_main", "libc.so.6+0x",
    "libstdc++.so.6+0x", "libgcc_s.so.1+0x",       "ld-linux-x86-64.so.2+0x",
};

/* Python's own modules that run other modules. */
static const char *const files[] = {"<frozen importlib", "<frozen runpy>", "<frozen zipimport>"};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

int fold_is_runtime(const char *function, const char *file, int library_code)
{
    if (library_code)
        return 1;
    for (size_t i = 0; i < COUNT(files) && file != NULL; i++)
        if (strncmp(file, files[i], strlen(files[i])) == 0)
            return 1;
    for (size_t i = 0; i < COUNT(beginnings); i++)
        if (strcmp(function, beginnings[i]) == 0)
            return 1;
    for (size_t i = 0; i < COUNT(prefixes); i++)
        if (strncmp(function, prefixes[i], strlen(prefixes[i])) == 0)
            return 1;
    return 0;
}

/* Flags of places: the runtime's own; matches --below. */
enum { RUNTIME = 1, BELOW = 2 };

/* Flags of nodes, for what is there or further out. */
enum { SHOWN = 1, INSIDE = 2 };

static unsigned char *flags_of_places(const struct profile *profile, int all_frames, const char *below)
{
    unsigned char *flags = calloc(profile->place_count + 1, 1);

    for (size_t i = 0; i < profile->place_count; i++) {
        const struct profile_place *place = &profile->places[i];

        if (i == PROFILE_CUT || (!all_frames && strcmp(place->language, TYPE_BOX) != 0 &&
                                 fold_is_runtime(place->function, place->file, place->library_code)))
            flags[i] = RUNTIME;
        if (below != NULL && filter_function_matches(below, place->function))
            flags[i] |= BELOW;
    }
    return flags;
}

/* Goes through the node's places from the outermost inwards; state: its parent's flags. Returns its own. */
static unsigned char show_node(struct profile *profile, size_t node, const unsigned char *flags,
                               unsigned char state)
{
    const struct profile_frame *frame = &profile->frames[profile->nodes[node].frame];
    unsigned char *visible = profile->visible + profile->visible_at[node];

    for (uint32_t k = frame->count; k-- > 0;) {
        unsigned char flag = flags[profile->frame_places[frame->first + k]];

        state |= flag & BELOW ? INSIDE : 0;
        visible[k] = (state & INSIDE) != 0 && ((flag & BELOW) != 0 || (flag & RUNTIME) == 0);
        state |= visible[k] ? SHOWN : 0;
    }
    return state;
}

void fold_frames(struct profile *profile, int all_frames, const char *below)
{
    size_t places = 0;
    unsigned char *flags = flags_of_places(profile, all_frames, below),
                  *states = calloc(profile->node_count + 1, 1);

    profile->visible_at = malloc((profile->node_count + 1) * sizeof *profile->visible_at);
    for (size_t i = 0; i < profile->node_count; i++) {
        profile->visible_at[i] = places;
        places += profile->frames[profile->nodes[i].frame].count;
    }
    profile->visible = calloc(places + 1, 1);
    for (size_t i = 0; i < profile->node_count; i++) {
        uint32_t parent = profile->nodes[i].parent;

        states[i] = show_node(profile, i, flags,
                              parent != PROFILE_NONE ? states[parent]
                              : below == NULL        ? INSIDE
                                                     : 0);
    }
    /* The frame that allocates must be shown in any case. */
    for (size_t i = 0; i < profile->site_count; i++)
        if ((states[profile->sites[i].node] & SHOWN) == 0)
            profile->visible[profile->visible_at[profile->sites[i].node]] = 1;
    /* Show that frames were cut off, where something below is shown. */
    for (size_t i = 0; below == NULL && i < profile->node_count; i++)
        if (i == PROFILE_CUT)
            profile->visible[profile->visible_at[i]] = 1;
    free(flags);
    free(states);
}

int fold_shows(const struct profile *profile, uint32_t node, uint32_t place)
{
    return profile->visible == NULL || profile->visible[profile->visible_at[node] + place];
}
