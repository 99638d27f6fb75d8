/* modules.c - see modules.h. */
#define _GNU_SOURCE
#include "modules.h"
#include "../guest.h"
#include "../notes.h"
#include "../session.h"
#include "rules.h"
#include "runtimes.h"

#include <elf.h>
#include <link.h>
#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

struct table {
    size_t bytes;                  /* of this mapping */
    unsigned long long adds, subs; /* the loader's counts when it was made */
    uint32_t count;
    unsigned runtimes;      /* of all modules */
    struct module module[]; /* sorted by start */
};

/* A table that was replaced may still be looked at: by whom began to before. It goes when nobody is reading;
 * while more wait than there is room for, they are left behind. */
#define TABLES_KEPT 64

static struct table *_Atomic current;
static struct table *_Atomic retired[TABLES_KEPT];
static _Atomic unsigned readers;

#define BUILD_ID_MAX 64

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

/* Writes the module's note; its number, 0 when the arena is full. */
static uint32_t describe(const struct module *module, const char *path, struct build_id id)
{
    /* The program itself. Read once: a forked child may have changed its root meanwhile. */
    static char own[4096];
    if (path[0] == '\0') {
        if (!own[0] && readlink("/proc/self/exe", own, sizeof own - 1) < 0)
            own[0] = '\0';
        path = own;
    }
    uint32_t path_size = (uint32_t)strlen(path) + 1;
    struct wire_note_module *note = note_reserve(sizeof *note + id.size + path_size);
    if (!note)
        return 0;
    note->number = atomic_fetch_add(&process->modules, 1) + 1;
    note->path_size = path_size;
    note->start = module->start;
    note->end = module->end;
    note->bias = module->bias;
    note->build_id_size = (uint32_t)id.size;
    note->ours = (uintptr_t)&current - module->start < module->end - module->start;
    memcpy(note->bytes, id.bytes ? id.bytes : (const uint8_t *)"", id.size);
    memcpy(note->bytes + id.size, path, path_size);
    uint32_t number = note->number;
    note_publish(note, WIRE_NOTE_MODULE);
    return number;
}

/* The same module in the table before, so that it keeps its number. */
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

/* The segment that the call frame information lies in. */
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

/* From the file's header, where that is loaded. */
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

struct filling {
    struct table *table;
    const struct table *before;
    uint32_t room;
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
    if (module.end == 0 || table->count == filling->room)
        return 0;
    struct build_id id = find_build_id(info);
    module.build_hash = hash_bytes(hash_bytes(0xcbf29ce484222325ull, id.bytes, id.size), info->dlpi_name,
                                   strlen(info->dlpi_name));
    const struct module *old = known(filling->before, &module);
    module.number = old ? old->number : describe(&module, info->dlpi_name, id);
    module.runtime = old ? old->runtime : runtime_of(info);
    table->runtimes |= module.runtime;
    find_cfi(info, &module);
    find_entry(info, &module);
    uint32_t place = table->count++;
    for (; place && table->module[place - 1].start > module.start; place--)
        table->module[place] = table->module[place - 1];
    table->module[place] = module;
    return 0;
}

static int count_modules(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    struct table *counts = data;
    counts->adds = info->dlpi_adds;
    counts->subs = info->dlpi_subs;
    counts->count++;
    return 0;
}

/* The caller is a reader itself. Tables that somebody retires later are not among those taken. */
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

static enum modules_change refresh(void)
{
    for (;;) {
        struct table *before = atomic_load(&current);
        struct table counts = {0};
        dl_iterate_phdr(count_modules, &counts);
        if (before && before->adds == counts.adds && before->subs == counts.subs)
            return MODULES_SAME;
        uint32_t room = counts.count + 8; /* some may come in between */
        size_t bytes = sizeof(struct table) + room * sizeof(struct module);
        struct table *table = guest_pages(bytes);
        if (!table)
            return MODULES_SAME;
        table->bytes = bytes;
        struct filling filling = {table, before, room};
        dl_iterate_phdr(add_module, &filling);
        /* Before the new table can be seen: who finds it unchanged may rely on the rules. */
        bool stale = before && (before->subs != table->subs || atomic_load(&rules_unknown));
        if (stale)
            rules_flush();
        if (!atomic_compare_exchange_strong(&current, &before, table)) {
            guest_unmap(table, bytes);
            continue;
        }
        if (before)
            retire(before);
        return stale ? MODULES_STALE : MODULES_ADDED;
    }
}

enum modules_change modules_refresh(void)
{
    atomic_fetch_add(&readers, 1);
    enum modules_change change = refresh();
    atomic_fetch_sub(&readers, 1);
    if (change == MODULES_STALE) /* others may have looked since the event that we noticed it by */
        session_new_epoch();
    return change;
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

void modules_forked(void)
{
    struct table *before = atomic_exchange(&current, NULL);
    atomic_store(&readers, 1); /* others' threads are not here */
    if (before)
        retire(before);
    atomic_fetch_sub(&readers, 1);
    modules_refresh();
}
