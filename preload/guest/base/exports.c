/* exports.c - see exports.h. Only GNU hash tables are read: every linker of this century writes them. */
#define _GNU_SOURCE
#include "exports.h"
#include "loader.h"

#include <stdint.h>
#include <string.h>

struct wanted {
    const char *name;
    uint32_t hash;
    uintptr_t bias; /* of the module */
    const ElfW(Sym) * symbol;
};

/* The tables that a module's dynamic section points to. */
struct tables {
    const uint32_t *hash; /* buckets, first symbol, bloom words, shift; bloom; buckets; chains */
    const ElfW(Sym) * symbols;
    const char *strings;
};

static uint32_t gnu_hash(const char *name)
{
    uint32_t hash = 5381;
    for (; *name; name++)
        hash = hash * 33 + (unsigned char)*name;
    return hash;
}

/* The loader has relocated these pointers in place, except those of the vDSO. */
static uintptr_t relocated(uintptr_t pointer, uintptr_t bias)
{
    return pointer < bias ? pointer + bias : pointer;
}

static int read_tables(const struct dl_phdr_info *info, struct tables *tables)
{
    memset(tables, 0, sizeof *tables);
    for (int i = 0; i < info->dlpi_phnum; i++) {
        if (info->dlpi_phdr[i].p_type != PT_DYNAMIC)
            continue;
        const ElfW(Dyn) *dynamic = (const ElfW(Dyn) *)(info->dlpi_addr + info->dlpi_phdr[i].p_vaddr);
        for (; dynamic->d_tag != DT_NULL; dynamic++) {
            uintptr_t pointer = relocated(dynamic->d_un.d_ptr, info->dlpi_addr);
            if (dynamic->d_tag == DT_GNU_HASH)
                tables->hash = (const uint32_t *)pointer;
            else if (dynamic->d_tag == DT_SYMTAB)
                tables->symbols = (const ElfW(Sym) *)pointer;
            else if (dynamic->d_tag == DT_STRTAB)
                tables->strings = (const char *)pointer;
        }
    }
    return tables->hash && tables->symbols && tables->strings;
}

static const ElfW(Sym) * look_up(const struct tables *tables, const struct wanted *wanted)
{
    uint32_t buckets = tables->hash[0], first = tables->hash[1], words = tables->hash[2];
    const uint64_t *bloom = (const uint64_t *)(tables->hash + 4);
    const uint32_t *bucket = (const uint32_t *)(bloom + words), *chain = bucket + buckets;
    uint64_t word = bloom[wanted->hash / 64 % words];
    uint64_t mask = 1ull << wanted->hash % 64 | 1ull << (wanted->hash >> tables->hash[3]) % 64;
    if ((word & mask) != mask)
        return NULL;
    uint32_t index = bucket[wanted->hash % buckets];
    if (index < first)
        return NULL;
    for (;; index++) {
        const ElfW(Sym) *symbol = &tables->symbols[index];
        if ((chain[index - first] | 1) == (wanted->hash | 1) && symbol->st_shndx != SHN_UNDEF &&
            strcmp(tables->strings + symbol->st_name, wanted->name) == 0)
            return symbol;
        if (chain[index - first] & 1)
            return NULL;
    }
}

static int in_module(struct dl_phdr_info *info, size_t size, void *data)
{
    struct wanted *wanted = data;
    struct tables tables;
    (void)size;
    if (!read_tables(info, &tables))
        return 0;
    const ElfW(Sym) *symbol = look_up(&tables, wanted);
    if (!symbol)
        return 0;
    wanted->bias = info->dlpi_addr;
    wanted->symbol = symbol;
    return 1;
}

const ElfW(Sym) * exports_symbol(const char *name, uintptr_t *bias)
{
    struct wanted wanted = {.name = name, .hash = gnu_hash(name)};
    loader_modules(in_module, &wanted);
    *bias = wanted.bias;
    return wanted.symbol;
}

void *exports_find(const char *name, size_t *size)
{
    uintptr_t bias;
    const ElfW(Sym) *symbol = exports_symbol(name, &bias);
    if (size)
        *size = symbol ? symbol->st_size : 0;
    return symbol ? (void *)(bias + symbol->st_value) : NULL;
}

const ElfW(Sym) * exports_symbol_in_module(const struct dl_phdr_info *info, const char *name)
{
    struct wanted wanted = {.name = name, .hash = gnu_hash(name)};
    struct tables tables;
    return read_tables(info, &tables) ? look_up(&tables, &wanted) : NULL;
}

void *exports_in_module(const struct dl_phdr_info *info, const char *name)
{
    const ElfW(Sym) *symbol = exports_symbol_in_module(info, name);
    return symbol ? (void *)(info->dlpi_addr + symbol->st_value) : NULL;
}

struct segment {
    uintptr_t address, start;
    size_t size;
};

static int holds_address(struct dl_phdr_info *info, size_t size, void *data)
{
    struct segment *segment = data;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        uintptr_t start = info->dlpi_addr + info->dlpi_phdr[i].p_vaddr;
        if (info->dlpi_phdr[i].p_type != PT_LOAD || segment->address - start >= info->dlpi_phdr[i].p_memsz)
            continue;
        segment->start = start;
        segment->size = info->dlpi_phdr[i].p_memsz;
        return 1;
    }
    return 0;
}

void exports_segment(const void *address, uintptr_t *start, size_t *size)
{
    struct segment segment = {.address = (uintptr_t)address};
    loader_modules(holds_address, &segment);
    *start = segment.start;
    *size = segment.size;
}
