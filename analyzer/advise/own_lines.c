/* own_lines.c - see own_lines.h. What is installed is a library's; a program's own module may be, too (/usr/bin/sort),
 * where its lines are known. */
#include "own_lines.h"
#include "python_kept.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* Modules that are installed as libraries, and files that are. */
static const char *const modules[] = {"/lib/*", "/lib64/*", "/usr/lib/*", "/usr/lib64/*", "/usr/libexec/*"};
static const char *const files[] = {
    "/usr/include/*",       "/usr/lib/*", "*/.cargo/registry/*", "/rustc/*", "/usr/src/rustc-*/*",
    "*/rustlib/src/rust/*", "<*>"};

static bool matches(const char *const *globs, size_t count, const char *text)
{
    for (size_t i = 0; i < count; i++)
        if (sqlite3_strglob(globs[i], text) == 0)
            return true;
    return false;
}

static bool is_own(const struct profile_place *place)
{
    if (place->file == NULL || place->line == 0 || place->library_code)
        return false;
    if (matches(files, sizeof files / sizeof files[0], place->file))
        return false;
    return strcmp(place->language, "python") == 0
               ? !python_kept_is_library(place->file)
               : !matches(modules, sizeof modules / sizeof modules[0], place->module);
}

unsigned char *own_lines(const struct profile *profile)
{
    unsigned char *own = malloc(profile->place_count + 1);

    for (size_t i = 0; i < profile->place_count; i++)
        own[i] = is_own(&profile->places[i]);
    return own;
}
