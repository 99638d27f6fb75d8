/* late.c - symbols.h for programs that need symbols late or never, as most short runs do. What reads
 * symbols is in a library of its own, trace-symbols.so beside the program, which is loaded when the first
 * module is read: loading and relocating libdw and its dependencies takes a third of the program's own
 * start-up time. */
#include "symbols.h"

#include <dlfcn.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

#define TRIES 8 /* memory, say, may be there again when the next module is read */

/* A module, and its counterpart in the library. */
struct symbols_module {
    struct symbols *symbols; /* the owner */
    struct symbols_module *next;
    struct symbols_module *real; /* in the library; NULL = not created yet */
    int file;                    /* a descriptor, until the library gets it; -1 = none */
    enum symbols_state lost;     /* SYMBOLS_LINES = it is not lost */
    size_t build_id_size;
    char *path;
    uint8_t build_id[]; /* as recorded */
};

struct symbols {
    struct symbols_module *modules;
    struct symbols *real; /* of the library; NULL = not loaded */
    int tries;            /* attempts to load it so far */
    __typeof__(symbols_limit) *limit;
    __typeof__(symbols_open) *open;
    __typeof__(symbols_close) *close;
    __typeof__(symbols_module) *module;
    __typeof__(symbols_module_file) *module_file;
    __typeof__(symbols_module_lost) *module_lost;
    __typeof__(symbols_module_state) *module_state;
    __typeof__(symbols_resolve) *resolve;
    __typeof__(symbols_made) *made;
    __typeof__(symbols_class) *class;
    __typeof__(symbols_type) *type;
    __typeof__(symbols_rest) *rest;
};

static int (*limit)(uint64_t bytes); /* set by symbols_limit() */

void symbols_limit(int (*fits)(uint64_t bytes))
{
    limit = fits;
}

struct symbols *symbols_open(void)
{
    return calloc(1, sizeof(struct symbols));
}

void symbols_close(struct symbols *s)
{
    if (!s)
        return;
    if (s->real)
        s->close(s->real);
    while (s->modules) {
        struct symbols_module *m = s->modules;
        s->modules = m->next;
        if (m->file >= 0)
            close(m->file);
        free(m->path);
        free(m);
    }
    free(s); /* the library stays loaded: it may have registered handlers */
}

struct symbols_module *symbols_module(struct symbols *s, const char *path, const uint8_t *build_id,
                                      size_t build_id_size)
{
    struct symbols_module *m = calloc(1, sizeof *m + build_id_size);
    char *copy = strdup(path ? path : "");
    if (!m || !copy) {
        free(m);
        free(copy);
        return NULL;
    }
    m->path = copy;
    m->file = -1;
    m->build_id_size = build_id_size;
    if (build_id_size)
        memcpy(m->build_id, build_id, build_id_size);
    m->symbols = s;
    m->next = s->modules;
    s->modules = m;
    return m;
}

void symbols_module_file(struct symbols_module *m, int file)
{
    if (m->file >= 0)
        close(m->file);
    m->file = file;
}

void symbols_module_lost(struct symbols_module *m, enum symbols_state why)
{
    m->lost = why;
}

#define LIBRARY "trace-symbols.so"

/* Opens the library beside the program. A run path would do, too, but ld.so would then search ten folders
 * that do not exist for each of the program's other libraries. */
static void *open_library(void)
{
    char path[PATH_MAX + sizeof LIBRARY];
    ssize_t size = readlink("/proc/self/exe", path, PATH_MAX);
    if (size < 0) { /* no /proc */
        const char *started = (const char *)getauxval(AT_EXECFN);
        size = snprintf(path, PATH_MAX, "%s", started ? started : "");
        size = size < PATH_MAX ? size : 0;
    }
    while (size > 0 && path[size - 1] != '/')
        size--;
    if (size <= 0)
        return NULL;
    strcpy(path + size, LIBRARY);
    return dlopen(path, RTLD_NOW | RTLD_LOCAL);
}

static void load(struct symbols *s)
{
    if (s->real || s->tries == TRIES)
        return;
    s->tries++;
    void *library = open_library();
    if (!library)
        return;
    *(void **)&s->limit = dlsym(library, "symbols_limit");
    *(void **)&s->open = dlsym(library, "symbols_open");
    *(void **)&s->close = dlsym(library, "symbols_close");
    *(void **)&s->module = dlsym(library, "symbols_module");
    *(void **)&s->module_file = dlsym(library, "symbols_module_file");
    *(void **)&s->module_lost = dlsym(library, "symbols_module_lost");
    *(void **)&s->module_state = dlsym(library, "symbols_module_state");
    *(void **)&s->resolve = dlsym(library, "symbols_resolve");
    *(void **)&s->made = dlsym(library, "symbols_made");
    *(void **)&s->class = dlsym(library, "symbols_class");
    *(void **)&s->type = dlsym(library, "symbols_type");
    *(void **)&s->rest = dlsym(library, "symbols_rest");
    if (s->limit && s->open && s->close && s->module && s->module_file && s->module_lost && s->module_state &&
        s->resolve && s->made && s->class && s->type && s->rest) {
        s->limit(limit);
        s->real = s->open();
    }
}

static struct symbols_module *real_module(struct symbols_module *m)
{
    struct symbols *s = m->symbols;
    if (!m->real) {
        load(s);
        m->real = s->real ? s->module(s->real, m->path, m->build_id, m->build_id_size) : NULL;
        if (m->real && m->lost)
            s->module_lost(m->real, m->lost);
        if (m->real && m->file >= 0) {
            s->module_file(m->real, m->file);
            m->file = -1;
        }
    }
    return m->real;
}

/* Without the library, the result is the same as without the module's file. */
enum symbols_state symbols_module_state(struct symbols_module *m)
{
    struct symbols_module *real = real_module(m);
    return real ? m->symbols->module_state(real) : SYMBOLS_MISSING;
}

size_t symbols_resolve(struct symbols_module *m, uint64_t address, struct symbols_frame *frames, size_t max)
{
    struct symbols_module *real = real_module(m);
    if (real)
        return m->symbols->resolve(real, address, frames, max);
    frames[0] = (struct symbols_frame){0};
    return 1;
}

const char *symbols_made(struct symbols_module *m, uint64_t address, uint64_t size)
{
    struct symbols_module *real = real_module(m);
    return real ? m->symbols->made(real, address, size) : NULL;
}

const char *symbols_class(struct symbols_module *m, uint64_t address)
{
    struct symbols_module *real = real_module(m);
    return real ? m->symbols->class(real, address) : NULL;
}

uint64_t symbols_rest(struct symbols *s, uint64_t now_ns, int *freed)
{
    *freed = 0;
    return s->real ? s->rest(s->real, now_ns, freed) : 0;
}

const char *symbols_type(struct symbols *s, const char *name)
{
    load(s);
    return s->real ? s->type(s->real, name) : NULL;
}
