/* resolve.c - the modules of a run, and looking up addresses in them. */
#include "symbols.h"
#include "dwarf_units.h"
#include "elf_image.h"
#include "inflate.h"
#include "interned.h"
#include "rest.h"
#include "symtab.h"
#include "vtables.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { BUILD_ID_MAX = 64, DWARF_LEAST = 2 << 20 /* bytes that reading a module's DWARF takes at least */ };

/* An ELF file, as it was when it was traced. */
struct symbols_module {
    struct symbols *symbols;        /* the owner */
    struct symbols_module *next;    /* of the owner's modules */
    char *path;                     /* as recorded */
    uint8_t build_id[BUILD_ID_MAX]; /* as recorded */
    size_t build_id_size;           /* 0 = not known */
    int file;                /* stays open, so that it can be read again; -1: use the file at the path */
    enum symbols_state lost; /* why the file at the path is not it; SYMBOLS_LINES = it may be */
    int is_read;             /* the rest is valid */
    int is_at_rest;          /* it has been read, but the image is closed and the tables are empty */
    struct rest rest;
    enum symbols_state state; /* never SYMBOLS_SHORT */
    int is_short;             /* memory ran out while it was read: some of its names may be missing */
    struct image image;       /* open unless the state is SYMBOLS_MISSING, SYMBOLS_REPLACED or SYMBOLS_GONE */
    struct dwarf *dwarf;      /* NULL = none */
    int symtab_is_read;       /* if there is DWARF, the symbol table is read only when needed */
    struct symtab symtab;
    int vtables_are_read; /* they are read when the first is asked for */
    struct vtables vtables;
};

struct symbols {
    struct strings strings;
    struct symbols_module *modules; /* newest first */
};

void symbols_limit(int (*fits)(uint64_t bytes))
{
    inflate_limit(fits);
}

struct symbols *symbols_open(void)
{
    return calloc(1, sizeof(struct symbols));
}

static void forget(struct symbols_module *m)
{
    dwarf_free(m->dwarf);
    m->dwarf = NULL;
    symtab_free(&m->symtab);
    vtables_free(&m->vtables);
    m->symtab_is_read = m->vtables_are_read = 0;
    image_close(&m->image);
}

void symbols_close(struct symbols *s)
{
    if (!s)
        return;
    while (s->modules) {
        struct symbols_module *m = s->modules;
        s->modules = m->next;
        forget(m);
        if (m->file >= 0)
            close(m->file);
        free(m->path);
        free(m);
    }
    strings_free(&s->strings);
    free(s);
}

struct symbols_module *symbols_module(struct symbols *s, const char *path, const uint8_t *build_id,
                                      size_t build_id_size)
{
    struct symbols_module *m = calloc(1, sizeof *m);
    if (!m)
        return NULL;
    m->path = strdup(path ? path : "");
    if (!m->path) {
        free(m);
        return NULL;
    }
    m->build_id_size = build_id_size < BUILD_ID_MAX ? build_id_size : BUILD_ID_MAX;
    if (m->build_id_size > 0)
        memcpy(m->build_id, build_id, m->build_id_size);
    m->file = -1;
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

/* Hands over a copy of the module's descriptor, or the descriptor itself where there is none to be had. */
static enum image_result open_image(struct symbols_module *m)
{
    if (m->file < 0 && m->lost)
        return image_open_debug(&m->image, m->build_id, m->build_id_size);
    int file = m->file < 0 ? -1 : fcntl(m->file, F_DUPFD_CLOEXEC, 3);
    if (file < 0) {
        file = m->file;
        m->file = -1;
    }
    return image_open(&m->image, file, m->path, m->build_id, m->build_id_size);
}

/* What is read lacks what there was no memory for, whether libelf, libdw or our own tables wanted it: all leave that error.
 * (So does an allocator that has found other memory then; a module is rather called short that is whole.) Each look-up begins
 * with errno = 0. */
static void note_shortage(struct symbols_module *m)
{
    if (errno == ENOMEM)
        m->is_short = 1;
}

static void read_dwarf(struct symbols_module *m)
{
    if (!m->image.is_too_large && inflate_fits(DWARF_LEAST))
        m->dwarf = dwarf_read(&m->image, &m->symbols->strings);
    if (m->image.is_too_large)
        m->is_short = 1;
    note_shortage(m);
}

/* Another file that is at the path by now is not read: without a build ID it could not be told. */
static int can_be_read_again(const struct symbols_module *m)
{
    return m->is_read && m->image.dwfl && (m->file >= 0 || m->build_id_size > 0);
}

uint64_t symbols_rest(struct symbols *s, uint64_t now_ns, int *freed)
{
    uint64_t next_ns = 0;
    *freed = 0;
    for (struct symbols_module *m = s->modules; m; m = m->next) {
        if (!can_be_read_again(m))
            continue;
        uint64_t due_ns = rest_due(&m->rest, m->image.is_inflated || m->image.is_debug_inflated, now_ns);
        if (due_ns <= now_ns) {
            forget(m);
            m->is_at_rest = *freed = 1;
        } else if (!next_ns || due_ns < next_ns) {
            next_ns = due_ns;
        }
    }
    return next_ns;
}

/* False if the file cannot be read, or not any more. */
static int is_open(struct symbols_module *m)
{
    m->rest.is_used = 1;
    if (m->is_at_rest) {
        m->is_at_rest = 0;
        rest_disturbed(&m->rest);
        if (open_image(m) == IMAGE_OPENED && m->state == SYMBOLS_LINES)
            read_dwarf(m);
    }
    return m->image.dwfl != NULL;
}

/* A table that cannot be read stays empty, and is not read again. */
static struct symtab *module_symtab(struct symbols_module *m)
{
    if (!m->symtab_is_read) {
        m->symtab_is_read = 1;
        (void)symtab_read(&m->symtab, &m->image);
    }
    return &m->symtab;
}

static enum symbols_state read_module(struct symbols_module *m)
{
    switch (open_image(m)) {
    case IMAGE_MISSING:
        return m->lost ? m->lost : SYMBOLS_MISSING;
    case IMAGE_REPLACED:
        return SYMBOLS_REPLACED;
    case IMAGE_OPENED:
        break;
    }
    m->rest.is_used = 1;
    read_dwarf(m);
    if (m->dwarf)
        return SYMBOLS_LINES;
    return module_symtab(m)->count > 0 ? SYMBOLS_NAMES : SYMBOLS_NONE;
}

static enum symbols_state module_state(struct symbols_module *m)
{
    if (!m->is_read) {
        errno = 0;
        m->is_read = 1;
        m->state = read_module(m);
        if (m->state < SYMBOLS_MISSING) /* else that says enough */
            note_shortage(m);
    }
    return m->state;
}

enum symbols_state symbols_module_state(struct symbols_module *m)
{
    enum symbols_state state = module_state(m);
    return m->is_short ? SYMBOLS_SHORT : state;
}

size_t symbols_resolve(struct symbols_module *m, uint64_t address, struct symbols_frame *frames, size_t max)
{
    frames[0] = (struct symbols_frame){0};
    enum symbols_state state = module_state(m);
    errno = 0;
    if ((state != SYMBOLS_LINES && state != SYMBOLS_NAMES) || !is_open(m)) {
        note_shortage(m);
        return 1;
    }
    uint64_t symbol_at = address;
    size_t count = m->dwarf ? dwarf_resolve(m->dwarf, address, frames, max, &symbol_at) : 0;
    count = count ? count : 1;
    if (symbol_at != DWARF_NO_SYMBOL) {
        const char *name = symtab_find(module_symtab(m), &m->symbols->strings, symbol_at);
        if (name)
            frames[count - 1].function = name;
    }
    note_shortage(m);
    return count;
}

const char *symbols_made(struct symbols_module *m, uint64_t address, uint64_t size)
{
    enum symbols_state state = module_state(m);
    const char *made = NULL;
    errno = 0;
    if (state == SYMBOLS_LINES && is_open(m) && m->dwarf)
        made = dwarf_made(m->dwarf, address, size);
    note_shortage(m);
    return made;
}

const char *symbols_class(struct symbols_module *m, uint64_t address)
{
    enum symbols_state state = module_state(m);
    const char *class = NULL;
    errno = 0;
    if ((state == SYMBOLS_LINES || state == SYMBOLS_NAMES || state == SYMBOLS_NONE) && is_open(m)) {
        if (!m->vtables_are_read) {
            m->vtables_are_read = 1;
            (void)vtables_read(&m->vtables, &m->image); /* a table that cannot be read stays empty */
        }
        class = vtables_find(&m->vtables, &m->symbols->strings, address);
    }
    note_shortage(m);
    return class;
}

const char *symbols_type(struct symbols *s, const char *name)
{
    return vtables_type(&s->strings, name);
}
