/* modules.c - see modules.h. */
#define _GNU_SOURCE
#include "modules.h"
#include "arena.h"
#include "executable.h"
#include "guest.h"
#include "guest_assert.h"
#include "mappings.h"
#include "notes.h"
#include "loader.h"
#include "module_files.h"
#include "process.h"
#include "runtimes.h"

#include <elf.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

struct table {
    size_t bytes;                  /* of this mapping */
    unsigned long long adds, subs; /* the loader's counts when it was made */
    uint32_t count, room;          /* modules in it, and room for modules */
    uint32_t text_end;             /* see module.text */
    unsigned runtimes;             /* of all modules, bits of enum runtime */
    struct module module[];        /* sorted by start; their texts follow the last one's place */
};

/* A table that was replaced may still be in use by threads that began reading before. It is unmapped when
 * there are no readers; if too many are waiting for that, further ones are never unmapped. */
#define TABLES_KEPT 64

static struct table *_Atomic current;
static struct table *_Atomic retired[TABLES_KEPT];
static _Atomic unsigned readers;

static _Atomic uint32_t version; /* see modules_version() */

_Atomic bool modules_missed;

#define BUILD_ID_MAX 64
#define PATH_ROOM 4096

struct build_id {
    const uint8_t *bytes;
    size_t size;
};

/* The build ID in the module's loaded notes. */
static struct build_id find_build_id(const struct dl_phdr_info *info)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_NOTE)
            continue;
        uintptr_t at = info->dlpi_addr + segment->p_vaddr, end = at + segment->p_memsz;
        uintptr_t align = segment->p_align == 8 ? 7 : 3;
        while (at + sizeof(ElfW(Nhdr)) <= end) {
            const ElfW(Nhdr) *note = (const void *)at;
            uintptr_t name = at + sizeof *note;
            uintptr_t bytes = (name + note->n_namesz + align) & ~align;
            if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
                memcmp((void *)name, "GNU", 4) == 0 && bytes + note->n_descsz <= end &&
                note->n_descsz <= BUILD_ID_MAX)
                return (struct build_id){(const uint8_t *)bytes, note->n_descsz};
            at = (bytes + note->n_descsz + align) & ~align;
        }
    }
    return (struct build_id){NULL, 0};
}

static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t size)
{
    for (const uint8_t *at = bytes; size; size--)
        hash = (hash ^ *at++) * 0x100000001b3ull; /* FNV-1a */
    return hash;
}

/* The module's path, from the table; empty for the program itself. */
static const char *text_of(const struct table *table, const struct module *module)
{
    return (const char *)table + module->text + module->build_id_size;
}

/* As text_of(), with the program's own path too. That is read only once, as a forked child may have changed
 * its root meanwhile. */
static const char *path_of(const struct table *table, const struct module *module)
{
    static char own[PATH_ROOM];
    const char *path = text_of(table, module);
    if (path[0] == '\0' && !own[0])
        executable_path(own, sizeof own);
    return path[0] ? path : own;
}

/* Writes the module's note; returns its number, 0 = the arena is full. */
static uint32_t describe(const struct table *table, const struct module *module)
{
    const char *id = (const char *)table + module->text, *path = path_of(table, module);
    uint32_t path_size = (uint32_t)strlen(path) + 1;
    struct wire_note_module *note = note_reserve(sizeof *note + module->build_id_size + path_size);
    if (!note)
        return 0;
    atomic_fetch_add(&arena->modules, 1);
    note->number = atomic_fetch_add(&process->modules, 1) + 1;
    note->path_size = path_size;
    note->start = module->start;
    note->end = module->end;
    note->bias = module->bias;
    note->device = module->device;
    note->inode = module->inode;
    note->build_id_size = module->build_id_size;
    note->ours = (uintptr_t)&current - module->start < module->end - module->start;
    memcpy(note->bytes, id, module->build_id_size);
    memcpy(note->bytes + module->build_id_size, path, path_size);
    uint32_t number = note->number;
    note_publish(note, WIRE_NOTE_MODULE);
    return number;
}

/* Finds the same module in the previous table, so that it keeps its number. */
static const struct module *known(const struct table *before, const struct module *module)
{
    for (uint32_t i = 0; before && i < before->count; i++) {
        const struct module *old = &before->module[i];
        if (old->start == module->start && old->end == module->end && old->bias == module->bias &&
            old->build_hash == module->build_hash)
            return old;
    }
    return NULL;
}

/* The segment that holds the call frame information. */
static void find_cfi(const struct dl_phdr_info *info, struct module *module)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD && segment->p_flags & PF_R &&
            module->cfi.header - start < segment->p_memsz) {
            module->cfi.start = start;
            module->cfi.end = start + segment->p_memsz;
            return;
        }
    }
    module->cfi = (struct cfi_section){0};
}

/* The entry point in the file's header, if the header is loaded. */
static void find_entry(const struct dl_phdr_info *info, struct module *module)
{
    const ElfW(Ehdr) *header = (const void *)module->start;
    bool loaded = false;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        loaded |= segment->p_type == PT_LOAD && segment->p_offset == 0 && segment->p_flags & PF_R &&
                  segment->p_filesz >= sizeof *header && info->dlpi_addr + segment->p_vaddr == module->start;
    }
    module->entry = loaded && memcmp(header->e_ident, ELFMAG, SELFMAG) == 0
                        ? info->dlpi_addr + header->e_entry
                        : module->start;
}

static bool has_no_file(const char *path)
{
    static const char mark[] = " (deleted)"; /* appended by the kernel */
    size_t size = strlen(path);
    return size > sizeof mark && strcmp(path + size - (sizeof mark - 1), mark) == 0;
}

/* True for a name that would lead to another file, or none, in another directory or process. */
static bool is_unnamed(const char *name)
{
    return name[0] == '/' ? strncmp(name, "/proc/", 6) == 0 || strncmp(name, "/dev/fd/", 8) == 0
                          : strchr(name, '/') != NULL;
}

static _Atomic bool
    unnamed_seen; /* a module whose file has no other name was described since this was last checked */

/* The module's path; also which file it is, if it has no build ID or no proper name. The loader's lock
 * protects the static memory. */
static const char *look_at_file(const char *name, struct build_id id, struct module *module)
{
    static char path[PATH_ROOM];
    struct mapping mapping;
    bool unnamed = is_unnamed(name);
    if ((id.size && !unnamed) || guest_confined)
        return name;
    if (!mappings_find(module->start, &mapping, path, sizeof path))
        path[0] = '\0';
    if (unnamed && (!path[0] || has_no_file(path)))
        atomic_store(&unnamed_seen, true);
    if (!path[0])
        return name;
    module->device = mapping.device;
    module->inode = mapping.inode;
    return unnamed ? path : name;
}

/* Copies what is needed to describe the module again later, when it may be gone. */
static bool keep_text(struct table *table, struct module *module, struct build_id id, const char *path)
{
    size_t path_size = strlen(path) + 1;
    if (table->text_end + id.size + path_size > table->bytes)
        return false;
    char *at = (char *)table + table->text_end;
    module->text = table->text_end;
    module->build_id_size = (uint32_t)id.size;
    memcpy(at, id.bytes ? id.bytes : (const uint8_t *)"", id.size);
    memcpy(at + id.size, path, path_size);
    table->text_end += (uint32_t)(id.size + path_size);
    return true;
}

struct filling {
    struct table *table;
    const struct table *before;
    bool full; /* there are more modules than were counted */
};

static int add_module(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct filling *filling = data;
    struct table *table = filling->table;
    struct module module = {.start = UINTPTR_MAX, .bias = info->dlpi_addr};
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_LOAD) {
            if (start < module.start)
                module.start = start;
            if (start + segment->p_memsz > module.end)
                module.end = start + segment->p_memsz;
        } else if (segment->p_type == PT_GNU_EH_FRAME) {
            module.cfi.header = start;
        }
    }
    table->adds = info->dlpi_adds;
    table->subs = info->dlpi_subs;
    if (module.end == 0)
        return 0;
    struct build_id id = find_build_id(info);
    module.build_hash = hash_bytes(hash_bytes(0xcbf29ce484222325ull, id.bytes, id.size), info->dlpi_name,
                                   strlen(info->dlpi_name));
    const struct module *old = known(filling->before, &module);
    const char *name = old ? text_of(filling->before, old) : look_at_file(info->dlpi_name, id, &module);
    if (old) {
        module.device = old->device;
        module.inode = old->inode;
    }
    if (table->count == table->room || !keep_text(table, &module, id, name)) {
        filling->full = true;
        return 1;
    }
    module.number = old ? old->number : describe(table, &module);
    module.runtime = old ? old->runtime : runtime_of(info);
    table->runtimes |= module.runtime;
    find_cfi(info, &module);
    find_entry(info, &module);
    uint32_t place = table->count++;
    for (; place && table->module[place - 1].start > module.start; place--)
        table->module[place] = table->module[place - 1];
    guest_assert(table->count <= table->room &&
                 (place == 0 || table->module[place - 1].start <= module.start));
    table->module[place] = module;
    return 0;
}

struct comparison {
    const struct table *table;
    bool differs;
};

static int compare_counts(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct comparison *comparison = data;
    const struct table *table = comparison->table;
    comparison->differs = !table || table->adds != info->dlpi_adds || table->subs != info->dlpi_subs;
    return 1; /* one module is enough: the counts are the loader's */
}

struct counts {
    uint32_t modules;
    size_t text; /* upper bound for the bytes of their texts */
};

static int count_modules(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct counts *counts = data;
    counts->modules++;
    counts->text += BUILD_ID_MAX + (is_unnamed(info->dlpi_name) ? PATH_ROOM : strlen(info->dlpi_name) + 1);
    return 0;
}

#define MORE_MODULES 8 /* that may be added while we are counting */
#define MORE_TEXT 1024

/* An empty table with room for what was counted. */
static struct table *new_table(const struct counts *counts)
{
    uint32_t room = counts->modules + MORE_MODULES;
    size_t text = sizeof(struct table) + room * sizeof(struct module);
    size_t bytes = text + counts->text + MORE_TEXT;
    struct table *table = guest_pages(bytes);
    if (!table)
        return NULL;
    table->bytes = bytes;
    table->room = room;
    table->text_end = (uint32_t)text;
    return table;
}

/* The caller must be a reader itself. Tables that others retire after the exchange are not among those
 * taken. */
static void retire(struct table *table)
{
    for (unsigned i = 0; i < TABLES_KEPT; i++) {
        struct table *none = NULL;
        if (atomic_compare_exchange_strong(&retired[i], &none, table))
            break;
    }
    struct table *taken[TABLES_KEPT];
    for (unsigned i = 0; i < TABLES_KEPT; i++)
        taken[i] = atomic_exchange(&retired[i], NULL);
    bool alone = atomic_load(&readers) == 1;
    for (unsigned i = 0; i < TABLES_KEPT; i++) {
        struct table *none = NULL;
        if (taken[i] && alone)
            guest_unmap(taken[i], taken[i]->bytes);
        else if (taken[i])
            atomic_compare_exchange_strong(&retired[i], &none, taken[i]);
    }
}

static enum modules_change refresh(void (*stale)(void))
{
    guest_assert(atomic_load(&readers) > 0); /* else the table before could be unmapped under us */
    for (;;) {
        struct table *before = atomic_load(&current);
        struct counts counts = {0};
        struct comparison comparison = {.table = before};
        if (!loader_modules(compare_counts, &comparison) || !comparison.differs ||
            !loader_modules(count_modules, &counts))
            return MODULES_SAME;
        struct table *table = new_table(&counts);
        if (!table)
            return MODULES_SAME;
        struct filling filling = {table, before, false};
        bool asked = loader_modules(add_module, &filling);
        if (!asked || filling.full) {
            guest_unmap(table, table->bytes);
            if (!asked)
                return MODULES_SAME;
            continue;
        }
        /* Before the new table is visible: a thread that finds it unchanged relies on the rules. */
        bool is_stale = before && (before->subs != table->subs || atomic_load(&modules_missed));
        if (is_stale) {
            atomic_store(&modules_missed, false);
            stale();
        }
        if (!atomic_compare_exchange_strong(&current, &before, table)) {
            guest_unmap(table, table->bytes);
            continue;
        }
        atomic_fetch_add(&version, 1);
        if (before)
            retire(before);
        return is_stale ? MODULES_STALE : MODULES_ADDED;
    }
}

enum modules_change modules_refresh(void (*stale)(void))
{
    atomic_fetch_add(&readers, 1);
    enum modules_change change = refresh(stale);
    atomic_fetch_sub(&readers, 1);
    /* Nothing else can find such a file by its name, and perhaps nothing at all once it is closed. */
    if (atomic_load(&unnamed_seen) && atomic_exchange(&unnamed_seen, false))
        module_files_wait(process);
    if (change == MODULES_STALE) /* others may have looked up rules since the event that made us notice */
        gate_next_epoch();
    return change;
}

bool modules_lack_files(void)
{
    atomic_fetch_add(&readers, 1);
    const struct table *table = atomic_load(&current);
    bool found = false;
    for (uint32_t i = 0; table && !found && i < table->count; i++)
        found = has_no_file(path_of(table, &table->module[i]));
    atomic_fetch_sub(&readers, 1);
    return found;
}

/* True if the name is one of the path's parts: a directory's, or the file's. */
static bool is_part(const char *path, const char *name, size_t size)
{
    for (const char *slash = strchr(path, '/'); slash; slash = strchr(slash + 1, '/'))
        if (strncmp(slash + 1, name, size) == 0 && (slash[1 + size] == '/' || slash[1 + size] == '\0'))
            return true;
    return false;
}

bool modules_lie_in(const char *name, size_t size)
{
    atomic_fetch_add(&readers, 1);
    const struct table *table = atomic_load(&current);
    bool found = false;
    for (uint32_t i = 0; table && !found && i < table->count; i++)
        found = is_part(path_of(table, &table->module[i]), name, size);
    atomic_fetch_sub(&readers, 1);
    return found;
}

static bool find(const struct table *table, uintptr_t address, struct module *module)
{
    if (!table)
        return false;
    uint32_t low = 0, high = table->count;
    while (low < high) {
        uint32_t middle = (low + high) / 2;
        if (table->module[middle].start <= address)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || address >= table->module[low - 1].end)
        return false;
    *module = table->module[low - 1];
    return true;
}

bool modules_find(uintptr_t address, struct module *module)
{
    atomic_fetch_add(&readers, 1);
    bool found = find(atomic_load(&current), address, module);
    atomic_fetch_sub(&readers, 1);
    return found;
}

unsigned modules_runtimes(void)
{
    atomic_fetch_add(&readers, 1);
    const struct table *table = atomic_load(&current);
    unsigned runtimes = table ? table->runtimes : 0;
    atomic_fetch_sub(&readers, 1);
    return runtimes;
}

uint32_t modules_version(void)
{
    return atomic_load(&version);
}

/* Changes the table in place: only this thread reads it yet, and any other would find either a module's old
 * number or its new one. */
void modules_describe_again(void)
{
    atomic_store(&readers, 0); /* readers in other threads do not exist in this process */
    struct table *table = atomic_load(&current);
    for (uint32_t i = 0; table && i < table->count; i++)
        table->module[i].number = describe(table, &table->module[i]);
}
