/* split.c - see split.h.
 *
 * The unit is turned into a file for libdw with plain section names, as if it had never been split: its own
 * sections, and those of the main file that it refers to by number.
 *
 *   in the .dwo or package                         in the new file
 *   length version type  n abbrev   dwo_id  code   length version compile n 0  code low_pc   attributes...
 *   |----------------------------|--------|-|      |--------------------------|-|-------|
 *
 * The unit's addresses are relative to the skeleton's low_pc. That is written where the dwo_id was, which a plain
 * unit does not have, so that all offsets of DIEs stay the same; the unit's abbreviation gets it as its first
 * attribute. Units of version 4 have no such space: their ranges are made absolute.
 *
 * Files may be corrupt or malicious: every offset is checked against its section before it is used.
 */
#define _GNU_SOURCE
#include "split.h"
#include "inflate.h"
#include "sections.h"

#include <dwarf.h>
#include <elf.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { PATH_ROOM = 4096, ABBREVIATION_ROOM = 512 };

/* The sections of the new file. */
enum part { INFO, ABBREV, STR, STR_OFFSETS, RNGLISTS, LINE, LINE_STR, ADDR, RANGES, PARTS };
static const char *const part_names[PARTS] = {"debug_info",        "debug_abbrev",   "debug_str",
                                              "debug_str_offsets", "debug_rnglists", "debug_line",
                                              "debug_line_str",    "debug_addr",     "debug_ranges"};

struct parts {
    struct section part[PARTS];
};

static struct section from(struct section section, uint64_t offset)
{
    if (offset > section.size)
        return (struct section){"", 0};
    return (struct section){section.text + offset, section.size - offset};
}

static uint64_t number_at(struct section section, uint64_t offset, unsigned size)
{
    uint64_t value = 0;
    if (offset <= section.size && size <= section.size - offset)
        memcpy(&value, section.text + offset, size);
    return value;
}

/* ---- a unit in .debug_info ----------------------------------------------------------------------- */

struct header {
    uint64_t size; /* including its header; 0 = broken */
    unsigned length_size, offset_size;
    unsigned version, type;
    uint64_t abbrev, dwo_id;
    uint64_t first; /* offset of its first DIE */
};

static struct header read_header(struct section info)
{
    struct header h = {.length_size = 4, .offset_size = 4, .type = DW_UT_compile};
    uint64_t length = number_at(info, 0, 4);
    if (length == 0xffffffff) {
        length = number_at(info, 4, 8);
        h.length_size = 12;
        h.offset_size = 8;
    }
    uint64_t at = h.length_size;
    h.version = (unsigned)number_at(info, at, 2);
    at += 2;
    if (h.version == 5) {
        h.type = (unsigned)number_at(info, at, 1);
        h.abbrev = number_at(info, at + 2, h.offset_size);
        at += 2 + h.offset_size;
        h.dwo_id = h.type == DW_UT_split_compile ? number_at(info, at, 8) : 0;
        at += h.type == DW_UT_split_compile ? 8 : 0;
    } else {
        h.abbrev = number_at(info, at, h.offset_size);
        at += h.offset_size + 1;
    }
    h.first = at;
    if (length <= info.size && h.length_size + length <= info.size && at < h.length_size + length)
        h.size = h.length_size + length;
    return h;
}

/* Finds the unit among all of a file; in version 4, whose dwo_id is an attribute, takes the first one. */
static struct section find_unit(struct section info, uint64_t dwo_id)
{
    while (info.size) {
        struct header h = read_header(info);
        if (!h.size)
            break;
        if (h.version < 5 || (h.type == DW_UT_split_compile && h.dwo_id == dwo_id))
            return (struct section){info.text, h.size};
        info = from(info, h.size);
    }
    return (struct section){"", 0};
}

/* ---- packages ------------------------------------------------------------------------------------ */

/* Kinds of sections in a package's index. */
enum { KIND_INFO = 1, KIND_ABBREV = 3, KIND_LINE = 4, KIND_STR_OFFSETS = 6, KIND_RNGLISTS = 8 };

/* Finds a unit's row in the index, from 1 on; 0 = it is not there. */
static uint64_t find_row(struct section index, uint64_t slots, uint64_t dwo_id)
{
    if (slots == 0 || (slots & (slots - 1)) || slots > index.size / 12)
        return 0;
    uint64_t at = dwo_id & (slots - 1), step = (dwo_id >> 32 & (slots - 1)) | 1;
    for (uint64_t tries = 0; tries < slots; tries++, at = (at + step) & (slots - 1)) {
        uint64_t row = number_at(index, 16 + 8 * slots + 4 * at, 4);
        if (!row)
            break;
        if (number_at(index, 16 + 8 * at, 8) == dwo_id)
            return row;
    }
    return 0;
}

static void take_part(struct parts *parts, Elf *elf, enum part part, uint64_t offset, uint64_t size)
{
    struct section whole = from(section_find(elf, part_names[part], 1), offset);
    parts->part[part] = (struct section){whole.text, whole.size < size ? whole.size : size};
}

static int find_in_package(Elf *elf, uint64_t dwo_id, struct parts *parts)
{
    struct section index = section_find(elf, "debug_cu_index", 0);
    uint64_t columns = number_at(index, 4, 4), units = number_at(index, 8, 4),
             slots = number_at(index, 12, 4);
    uint64_t row = find_row(index, slots, dwo_id), at = 16 + 12 * slots;
    if (!row || row > units || columns > 16)
        return 0;
    for (uint64_t i = 0; i < columns; i++) {
        uint64_t cell = at + 4 * columns + 4 * ((row - 1) * columns + i);
        uint64_t offset = number_at(index, cell, 4), size = number_at(index, cell + 4 * units * columns, 4);
        switch (number_at(index, at + 4 * i, 4)) {
        case KIND_INFO:
            take_part(parts, elf, INFO, offset, size);
            break;
        case KIND_ABBREV:
            take_part(parts, elf, ABBREV, offset, size);
            break;
        case KIND_LINE:
            take_part(parts, elf, LINE, offset, size);
            break;
        case KIND_STR_OFFSETS:
            take_part(parts, elf, STR_OFFSETS, offset, size);
            break;
        case KIND_RNGLISTS:
            if (number_at(index, 0, 2) == 5) /* other versions mean something else */
                take_part(parts, elf, RNGLISTS, offset, size);
            break;
        default:
            break;
        }
    }
    take_part(parts, elf, STR, 0, UINT64_MAX);
    parts->part[INFO] = find_unit(parts->part[INFO], dwo_id);
    return parts->part[INFO].size > 0;
}

static Elf *package_of(struct split_files *files)
{
    char path[PATH_ROOM];
    if (files->package == 0) {
        files->package = -1;
        if (files->path && snprintf(path, sizeof path, "%s.dwp", files->path) < (int)sizeof path)
            files->package = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
        if (files->package >= 0)
            files->package_elf = elf_begin(files->package, ELF_C_READ_MMAP, NULL);
    }
    return files->package_elf;
}

void split_files_close(struct split_files *files)
{
    elf_end(files->package_elf);
    if (files->package > 0)
        close(files->package);
    *files = (struct split_files){0};
}

/* ---- object files -------------------------------------------------------------------------------- */

static const char *text_of(Dwarf_Die *die, unsigned name, unsigned gnu_name)
{
    Dwarf_Attribute attribute;
    if (dwarf_attr(die, name, &attribute) || (gnu_name && dwarf_attr(die, gnu_name, &attribute)))
        return dwarf_formstring(&attribute);
    return NULL;
}

static int find_in_object(Elf *elf, uint64_t dwo_id, struct parts *parts)
{
    for (enum part part = INFO; part <= LINE; part++)
        take_part(parts, elf, part, 0, UINT64_MAX);
    parts->part[INFO] = find_unit(parts->part[INFO], dwo_id);
    return parts->part[INFO].size > 0;
}

/* ---- the file that is made ----------------------------------------------------------------------- */

static struct section main_section(Dwarf_Die *skeleton, enum part part, unsigned base, unsigned gnu_base)
{
    Dwarf_Attribute attribute;
    Dwarf_Word offset = 0;
    if (dwarf_attr(skeleton, base, &attribute) || dwarf_attr(skeleton, gnu_base, &attribute))
        dwarf_formudata(&attribute, &offset);
    return from(section_find(dwarf_getelf(dwarf_cu_getdwarf(skeleton->cu)), part_names[part], 0), offset);
}

static uint64_t skip_leb(struct section section, uint64_t at)
{
    while (at < section.size && section.text[at] & 0x80)
        at++;
    return at + 1;
}

/* The offset of the abbreviation after the one at an offset. */
static uint64_t next_abbreviation(struct section abbrev, uint64_t at)
{
    at = skip_leb(abbrev, skip_leb(abbrev, at)) + 1; /* code, tag, children */
    while (at + 1 < abbrev.size && (abbrev.text[at] || abbrev.text[at + 1])) {
        uint64_t form = skip_leb(abbrev, at), end = skip_leb(abbrev, form);
        at = number_at(abbrev, form, 1) == DW_FORM_implicit_const ? skip_leb(abbrev, end) : end;
    }
    return at + 2;
}

/* The abbreviation of the unit's first DIE, with an additional first attribute. */
struct abbreviation {
    char bytes[ABBREVIATION_ROOM];
    size_t size;         /* 0 = not possible */
    uint64_t start, end; /* the original one, which it replaces */
};

static void make_abbreviation(struct section abbrev, uint64_t code, struct abbreviation *made)
{
    uint64_t at = 0;
    while (at < abbrev.size && abbrev.text[at] && number_at(abbrev, at, 1) != code)
        at = next_abbreviation(abbrev, at);
    uint64_t end = at < abbrev.size && abbrev.text[at] ? next_abbreviation(abbrev, at) : 0;
    uint64_t attributes = skip_leb(abbrev, at + 1) + 1, size = attributes - at;
    if (code == 0 || code > 127 || end > abbrev.size || end < attributes || end - at + 2 > ABBREVIATION_ROOM)
        return;
    memcpy(made->bytes, abbrev.text + at, size);
    made->bytes[size] = DW_AT_low_pc;
    made->bytes[size + 1] = DW_FORM_addr;
    memcpy(made->bytes + size + 2, abbrev.text + attributes, end - attributes);
    made->size = end - at + 2;
    made->start = at;
    made->end = end;
}

/* The new file's contents behind its ELF header: sections, their names, their headers. */
struct making {
    char *memory;
    size_t size, used;
    Elf64_Shdr header[PARTS + 2]; /* the null section, the parts, the section names */
    unsigned count;
};

static void put(struct making *making, const char *bytes, size_t size)
{
    if (size)
        memcpy(making->memory + making->used, bytes, size);
    making->used += size;
}

static void end_section(struct making *making, size_t start, uint32_t name)
{
    making->header[making->count++] = (Elf64_Shdr){.sh_name = name,
                                                   .sh_type = SHT_PROGBITS,
                                                   .sh_offset = start,
                                                   .sh_size = making->used - start,
                                                   .sh_addralign = 1};
    making->used = (making->used + 15) & ~(size_t)15;
}

/* Changes the unit as in the picture above. */
static void patch_unit(char *unit, const struct header *h, uint64_t low)
{
    memset(unit + h->length_size + 4, 0, h->offset_size); /* the offset of its abbreviations */
    unit[h->length_size + 2] = DW_UT_compile;
    unit[h->first - 8] = unit[h->first];
    memcpy(unit + h->first - 7, &low, sizeof low);
}

/* Makes range lists of version 4 absolute. Each ends with (0, 0); its pairs are relative to low, except after
 * an entry that sets another base. */
static void patch_ranges(char *ranges, size_t size, uint64_t low)
{
    uint64_t pair[2];
    int is_relative = 1;
    for (size_t at = 0; at + sizeof pair <= size; at += sizeof pair) {
        memcpy(pair, ranges + at, sizeof pair);
        if (pair[0] == UINT64_MAX || (pair[0] == 0 && pair[1] == 0)) {
            is_relative = pair[0] == 0;
        } else if (is_relative) {
            pair[0] += low;
            pair[1] += low;
            memcpy(ranges + at, pair, sizeof pair);
        }
    }
}

static void make_file(struct making *making, const struct parts *parts, const struct header *h, uint64_t low,
                      const struct abbreviation *abbreviation)
{
    char names[256] = "";
    size_t names_size = 1;
    making->used = sizeof(Elf64_Ehdr);
    making->count = 1;
    for (enum part part = 0; part < PARTS; part++) {
        size_t start = making->used;
        struct section section = parts->part[part];
        if (part == ABBREV && abbreviation->size) {
            put(making, section.text, abbreviation->start);
            put(making, abbreviation->bytes, abbreviation->size);
            section = from(section, abbreviation->end);
        }
        put(making, section.text, section.size);
        if (part == INFO && abbreviation->size)
            patch_unit(making->memory + start, h, low);
        if (part == INFO && h->version < 5)
            memset(making->memory + start + h->length_size + 2, 0, h->offset_size);
        if (part == RANGES)
            patch_ranges(making->memory + start, section.size, low);
        end_section(making, start, (uint32_t)names_size);
        names_size += (size_t)sprintf(names + names_size, ".%s", part_names[part]) + 1;
    }
    size_t start = making->used;
    put(making, names, names_size);
    end_section(making, start, 0);
    making->header[making->count - 1].sh_type = SHT_STRTAB;
    Elf64_Ehdr elf = {.e_ident = {ELFMAG0, ELFMAG1, ELFMAG2, ELFMAG3, ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                      .e_type = ET_DYN,
                      .e_machine = EM_X86_64,
                      .e_version = EV_CURRENT,
                      .e_shoff = making->used,
                      .e_ehsize = sizeof elf,
                      .e_shentsize = sizeof(Elf64_Shdr),
                      .e_shnum = (Elf64_Half)making->count,
                      .e_shstrndx = (Elf64_Half)(making->count - 1)};
    memcpy(making->memory, &elf, sizeof elf);
    put(making, (const char *)making->header, making->count * sizeof(Elf64_Shdr));
}

static int make_unit(struct parts *parts, Dwarf_Die *skeleton, struct split_unit *unit)
{
    struct header h = read_header(parts->part[INFO]);
    struct abbreviation abbreviation = {0};
    struct making making = {.size = sizeof(Elf64_Ehdr) + sizeof making.header + ABBREVIATION_ROOM + 1024};
    Dwarf_Addr low = 0;
    if (!h.size)
        return 0;
    parts->part[ABBREV] = from(parts->part[ABBREV], h.abbrev);
    parts->part[ADDR] = main_section(skeleton, ADDR, DW_AT_addr_base, DW_AT_GNU_addr_base);
    if (dwarf_lowpc(skeleton, &low) != 0)
        low = 0;
    if (h.version < 5)
        parts->part[RANGES] = main_section(skeleton, RANGES, DW_AT_GNU_ranges_base, DW_AT_GNU_ranges_base);
    else if (h.type == DW_UT_split_compile)
        make_abbreviation(parts->part[ABBREV], number_at(parts->part[INFO], h.first, 1), &abbreviation);
    for (enum part part = 0; part < PARTS; part++)
        making.size += parts->part[part].size + 16;
    making.memory = inflate_fits(making.size) ? calloc(1, making.size) : NULL;
    if (!making.memory)
        return 0;
    make_file(&making, parts, &h, low, &abbreviation);
    unit->memory = making.memory;
    unit->elf = elf_memory(making.memory, making.used);
    unit->handle = unit->elf ? dwarf_begin_elf(unit->elf, DWARF_C_READ, NULL) : NULL;
    if (!unit->handle)
        split_close(unit);
    return unit->handle != NULL;
}

static int open_from_object(const char *directory, const char *name, Dwarf_Die *skeleton, uint64_t dwo_id,
                            struct split_unit *unit)
{
    char path[PATH_ROOM];
    struct parts parts = {0};
    int length = name[0] == '/' ? snprintf(path, sizeof path, "%s", name)
                                : snprintf(path, sizeof path, "%s/%s", directory, name);
    int file = length < (int)sizeof path ? open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY) : -1;
    Elf *elf = file >= 0 ? elf_begin(file, ELF_C_READ_MMAP, NULL) : NULL;
    int found = elf && find_in_object(elf, dwo_id, &parts) && make_unit(&parts, skeleton, unit);
    elf_end(elf);
    if (file >= 0)
        close(file);
    return found;
}

/* Looks where it was compiled, then beside the program. */
static int find_object(const struct split_files *files, Dwarf_Die *skeleton, uint64_t dwo_id,
                       struct split_unit *unit)
{
    char beside[PATH_ROOM];
    const char *name = text_of(skeleton, DW_AT_dwo_name, DW_AT_GNU_dwo_name);
    const char *directory = text_of(skeleton, DW_AT_comp_dir, 0);
    const char *slash = files->path ? strrchr(files->path, '/') : NULL;
    if (!name)
        return 0;
    if ((directory || name[0] == '/') && open_from_object(directory, name, skeleton, dwo_id, unit))
        return 1;
    if (!slash || name[0] == '/' || slash - files->path >= (ptrdiff_t)sizeof beside)
        return 0;
    memcpy(beside, files->path, (size_t)(slash - files->path));
    beside[slash - files->path] = '\0';
    return open_from_object(beside, name, skeleton, dwo_id, unit);
}

int split_open(struct split_files *files, Dwarf_Die *skeleton, struct split_unit *unit)
{
    struct parts parts = {0};
    uint64_t dwo_id;
    uint8_t type;
    if (dwarf_cu_info(skeleton->cu, NULL, &type, NULL, NULL, &dwo_id, NULL, NULL) != 0 ||
        type != DW_UT_skeleton)
        return 0;
    Elf *package = package_of(files);
    if (package && find_in_package(package, dwo_id, &parts) && make_unit(&parts, skeleton, unit))
        return 1;
    return find_object(files, skeleton, dwo_id, unit);
}

void split_close(struct split_unit *unit)
{
    dwarf_end(unit->handle);
    elf_end(unit->elf);
    free(unit->memory);
    *unit = (struct split_unit){0};
}
