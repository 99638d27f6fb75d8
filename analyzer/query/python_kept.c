/* python_kept.c - see python_kept.h.
 *
 * The rule, from a stack's innermost frame outwards: the first frame of importlib or of a module's code decides.
 *
 *   importlib             kept: modules, their code objects and constants, extension modules
 *   <module>, imported    kept if the module is Python's own or installed (site-packages): its functions, types, tables.
 *                         The program's own modules are the program: code and types are small there, caches are not
 *   <module>, else        the program's: the script, what runpy runs
 *   none of them          the program's: threads, callbacks. Of runpy alone: kept
 *
 * Code that exec() runs (<string>) counts for its caller. So what a program's call puts into a library's cache is the
 * program's, and what a library allocates for itself while it is imported is not, whoever imports it.
 */
#include "python_kept.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* Files of Python's own modules, and of installed ones. */
static const char *const libraries[] = {
    "<frozen *", "*/lib*/python3.[0-9]*/*", "*/python3[0-9]*.zip/*", "*/site-packages/*", "*/dist-packages/*",
};
static const char *const importers[] = {"<frozen importlib*", "<frozen zipimport>*"};
static const char *const runners[] = {"<frozen runpy>", "*/lib*/python3.[0-9]*/runpy.py"};
static const char *const interpreters[] = {"*/python3*", "*/python", "*/libpython3*"};

#define MATCHES(globs, text) matches(globs, sizeof(globs) / sizeof(globs)[0], text)

static bool matches(const char *const *globs, size_t count, const char *text)
{
    for (size_t i = 0; i < count && text != NULL; i++)
        if (sqlite3_strglob(globs[i], text) == 0)
            return true;
    return false;
}

bool python_kept_is_interpreter(const char *module)
{
    return MATCHES(interpreters, module);
}

bool python_kept_is_library(const char *file)
{
    return MATCHES(libraries, file);
}

/* What a place is in the rule. */
enum part { PART_NATIVE, PART_PYTHON, PART_IMPORTER, PART_RUNNER, PART_MODULE, PART_LIBRARY_MODULE };

static enum part part_of(const struct profile_place *place)
{
    if (strcmp(place->language, "python") != 0)
        return PART_NATIVE;
    if (MATCHES(importers, place->file))
        return PART_IMPORTER;
    bool library = MATCHES(libraries, place->file),
         text = place->file != NULL && *place->file == '<' && !library;

    if (strcmp(place->function, "<module>") != 0 || text)
        return MATCHES(runners, place->file) ? PART_RUNNER : PART_PYTHON;
    return library ? PART_LIBRARY_MODULE : PART_MODULE;
}

/* A stack up to a frame. */
struct state {
    unsigned char kept;
    bool importing; /* importlib is in it */
};

static struct state step(struct state state, enum part part)
{
    if (part == PART_IMPORTER) {
        state.importing = true;
        state.kept = PYTHON_KEPT;
    } else if (part == PART_MODULE || part == PART_LIBRARY_MODULE) {
        state.kept = state.importing && part == PART_LIBRARY_MODULE ? PYTHON_KEPT : PYTHON_OWN;
    } else if (part != PART_NATIVE && state.kept == PYTHON_NOWHERE) {
        state.kept = part == PART_RUNNER ? PYTHON_KEPT : PYTHON_OWN;
    }
    return state;
}

unsigned char *python_kept_nodes(const struct profile *profile)
{
    unsigned char *parts = malloc(profile->place_count + 1), *kept = malloc(profile->node_count + 1);
    struct state *states = calloc(profile->node_count + 1, sizeof *states);

    for (size_t i = 0; i < profile->place_count; i++)
        parts[i] = (unsigned char)part_of(&profile->places[i]);
    for (size_t i = 0; i < profile->node_count; i++) {
        const struct profile_node *node = &profile->nodes[i];
        const struct profile_frame *frame = &profile->frames[node->frame];
        struct state state = node->parent != PROFILE_NONE ? states[node->parent] : (struct state){0};

        for (uint32_t k = frame->count; k-- > 0;)
            state = step(state, (enum part)parts[profile->frame_places[frame->first + k]]);
        states[i] = state;
        kept[i] = state.kept;
    }
    free(parts);
    free(states);
    return kept;
}
