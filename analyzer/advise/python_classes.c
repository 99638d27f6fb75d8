/* python_classes.c - see python_classes.h. */
#include "python_classes.h"
#include "python_source.h"
#include "source.h"

#include <sqlite3.h>
#include <string.h>

static bool ends_with(const char *text, const char *end, size_t length)
{
    size_t n = strlen(text);

    return n >= length && memcmp(text + n - length, end, length) == 0;
}

/* True for a module's file, as the first characters of a dotted name: pkg.mod is pkg/mod.py or pkg/mod/__init__.py. */
static bool is_file_of(const char *file, const char *name, size_t length)
{
    char path[512];

    if (length + sizeof "/.py" > sizeof path)
        return false;
    path[0] = '/';
    for (size_t i = 0; i < length; i++)
        path[1 + i] = name[i] == '.' ? '/' : name[i];
    memcpy(path + 1 + length, ".py", 4);
    if (ends_with(file, path, length + 4) || strcmp(file, path + 1) == 0)
        return true;
    return strlen(file) > 12 && strcmp(file + strlen(file) - 12, "/__init__.py") == 0 &&
           strlen(file) >= 12 + length + 1 &&
           memcmp(file + strlen(file) - 12 - length - 1, path, length + 1) == 0;
}

bool python_class_is_own(const struct advice *advice, const char *type)
{
    const struct profile *p = &advice->profile;

    if (strncmp(type, "__main__.", 9) == 0)
        return true;
    for (const char *dot = strchr(type, '.'); dot != NULL; dot = strchr(dot + 1, '.'))
        for (size_t i = 0; i < p->place_count; i++)
            if (advice->place_is_own[i] && strcmp(p->places[i].language, "python") == 0 &&
                is_file_of(p->places[i].file, type, (size_t)(dot - type)))
                return true;
    return false;
}

bool python_class_needs_dict(const struct advice *advice, const char *type)
{
    const struct profile *p = &advice->profile;
    const char *dot = strrchr(type, '.'), *name = dot != NULL ? dot + 1 : type, *last = "";

    for (size_t i = PROFILE_FIRST; i < p->place_count; i++) {
        const char *file = p->places[i].file, *text;
        size_t size;

        if (!advice->place_is_own[i] || strcmp(p->places[i].language, "python") != 0 ||
            strcmp(file, last) == 0)
            continue;
        last = file;
        if (source_whole(advice->run, file, &text, &size) == SOURCE_FINE &&
            python_needs_dict(text, size, name))
            return true;
    }
    return false;
}

int64_t python_class_keys(const struct advice *advice, const char *type)
{
    sqlite3_stmt *s =
        report_prepare(advice->report, "SELECT keys FROM object_keys WHERE run = ?1 AND type = ?2");
    int64_t keys = -1;
    int status;

    if (s == NULL)
        return keys;
    sqlite3_bind_int64(s, 1, advice->run->number);
    sqlite3_bind_text(s, 2, type, -1, SQLITE_STATIC);
    if (report_step(advice->report, s, &status))
        keys = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return keys;
}

/* As the paths of Python's own modules tell. */
bool python_is_3_11(const struct profile *profile)
{
    for (size_t i = PROFILE_FIRST; i < profile->place_count; i++)
        if (profile->places[i].file != NULL && strstr(profile->places[i].file, "/python3.11/") != NULL)
            return true;
    return false;
}
