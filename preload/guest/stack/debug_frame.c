/* debug_frame.c - see debug_frame.h.
 *
 * Converts a copy of .debug_frame to what .eh_frame looks like for cfi.c: the pointer from an FDE to its CIE
 * becomes relative, addresses are moved to where the module is loaded, and an index takes the place of the
 * sorted table in .eh_frame_hdr.
 */
#define _GNU_SOURCE
#include "debug_frame.h"
#include "guest.h"
#include "mappings.h"
#include "bytes.h"

#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#define KNOWN 64 /* modules that were looked at; further ones are not */
#define SECTIONS_MAX 512u
#define NAMES_MAX 65536u
#define FRAME_MAX (64u << 20)

enum state { STATE_FREE, STATE_BUSY, STATE_NONE, STATE_THERE };

static struct known {
    _Atomic uint32_t state; /* enum state; the rest is valid from STATE_NONE on */
    uintptr_t start, end;   /* of the module, */
    uint64_t build_hash;    /* and which file that was */
    struct cfi_section section;
} all[KNOWN];

/* ---- the file --------------------------------------------------------------------------------------- */

static bool read_at(int file, void *to, size_t size, uint64_t offset)
{
    long got = 0;
    for (size_t done = 0; done < size; done += (size_t)got)
        if ((got = syscall(SYS_pread64, file, (char *)to + done, size - done, offset + done)) <= 0)
            return false;
    return true;
}

/* Opens the module's file, and checks that it is not another one that has its path by now. */
static int open_file(const struct module *module)
{
    static char path[4096]; /* claim() lets one thread at a time in here */
    struct mapping mapping;
    struct stat facts;
    if (!mappings_find(module->start, &mapping, path, sizeof path))
        return -1;
    int file = (int)syscall(SYS_open, path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (file >= 0 && (fstat(file, &facts) != 0 || !S_ISREG(facts.st_mode) || facts.st_ino != mapping.inode)) {
        syscall(SYS_close, file);
        file = -1;
    }
    return file;
}

/* Finds .debug_frame; a compressed one is not used. */
static bool find_section(int file, const Elf64_Ehdr *header, Elf64_Shdr *sections, char *names,
                         Elf64_Shdr *found)
{
    if (!read_at(file, sections, header->e_shnum * sizeof *sections, header->e_shoff))
        return false;
    const Elf64_Shdr *texts = &sections[header->e_shstrndx];
    size_t size = texts->sh_size < NAMES_MAX ? texts->sh_size : NAMES_MAX - 1;
    if (!read_at(file, names, size, texts->sh_offset)) /* the rest of `names` is 0 */
        return false;
    for (uint32_t i = 1; i < header->e_shnum; i++) {
        const Elf64_Shdr *at = &sections[i];
        if (at->sh_name < size && strcmp(names + at->sh_name, ".debug_frame") == 0) {
            *found = *at;
            return at->sh_type == SHT_PROGBITS && !(at->sh_flags & SHF_COMPRESSED) && at->sh_size >= 16 &&
                   at->sh_size <= FRAME_MAX;
        }
    }
    return false;
}

/* A copy of the section in our memory; NULL: there is none. */
static uint8_t *copy_section(int file, size_t *size)
{
    Elf64_Ehdr header;
    Elf64_Shdr found;
    if (!read_at(file, &header, sizeof header, 0) || memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 ||
        header.e_ident[EI_CLASS] != ELFCLASS64 || header.e_shentsize != sizeof(Elf64_Shdr) ||
        header.e_shnum > SECTIONS_MAX || header.e_shstrndx >= header.e_shnum)
        return NULL;
    const size_t room = SECTIONS_MAX * sizeof(Elf64_Shdr) + NAMES_MAX;
    char *memory = guest_pages(room);
    if (!memory)
        return NULL;
    bool is_there =
        find_section(file, &header, (Elf64_Shdr *)memory, memory + SECTIONS_MAX * sizeof(Elf64_Shdr), &found);
    guest_unmap(memory, room);
    uint8_t *copy = is_there ? guest_pages(found.sh_size) : NULL;
    if (copy && !read_at(file, copy, found.sh_size, found.sh_offset)) {
        guest_unmap(copy, found.sh_size);
        return NULL;
    }
    *size = is_there ? found.sh_size : 0;
    return copy;
}

/* ---- the index -------------------------------------------------------------------------------------- */

/* Returns the entries of the usual format one after the other; false at the end. */
static bool next_entry(struct bytes *b, uint8_t **entry, uint64_t *length)
{
    *entry = (uint8_t *)(uintptr_t)b->at;
    *length = bytes_unsigned(b, 4);
    return !b->short_of && *length >= 4 && *length < 0xfffffff0u && bytes_take(b, *length);
}

static size_t count_entries(uint8_t *copy, size_t size)
{
    struct bytes b = {copy, copy + size, false};
    uint8_t *entry;
    uint64_t length;
    size_t count = 0;
    while (next_entry(&b, &entry, &length))
        count++;
    return count;
}

/* Converts an entry to the format of .eh_frame; adds it to the index if it is a function's. */
static void convert(uint8_t *copy, size_t size, uint8_t *entry, uint64_t length, uint64_t bias,
                    struct cfi_section *section)
{
    uint32_t id, back = 0;
    uint64_t start;
    memcpy(&id, entry + 4, sizeof id);
    if (id == 0xffffffffu) {
        memcpy(entry + 4, &back, sizeof back);
        return;
    }
    if (length < 4 + 16 || id >= size)
        return;
    back = (uint32_t)(entry + 4 - (copy + id));
    memcpy(entry + 4, &back, sizeof back);
    memcpy(&start, entry + 8, sizeof start);
    if (start == 0) /* the linker dropped this function */
        return;
    start += bias;
    memcpy(entry + 8, &start, sizeof start);
    struct cfi_place *index = (struct cfi_place *)section->index;
    index[section->count++] = (struct cfi_place){start, (uintptr_t)entry};
}

/* Heap sort: works in place and calls none of the program's functions. */
static void sink(struct cfi_place *index, size_t at, size_t count)
{
    struct cfi_place place = index[at];
    for (size_t child; (child = 2 * at + 1) < count; at = child) {
        if (child + 1 < count && index[child + 1].start > index[child].start)
            child++;
        if (index[child].start <= place.start)
            break;
        index[at] = index[child];
    }
    index[at] = place;
}

static void sort(struct cfi_place *index, size_t count)
{
    for (size_t i = count / 2; i-- > 0;)
        sink(index, i, count);
    for (size_t i = count; i-- > 1;) {
        struct cfi_place last = index[i];
        index[i] = index[0];
        index[0] = last;
        sink(index, 0, i);
    }
}

static bool make_section(uint8_t *copy, size_t size, uint64_t bias, struct cfi_section *section)
{
    size_t entries = count_entries(copy, size);
    struct cfi_place *index = entries ? guest_pages(entries * sizeof *index) : NULL;
    if (!index)
        return false;
    *section = (struct cfi_section){.start = (uintptr_t)copy, .end = (uintptr_t)copy + size, .index = index};
    struct bytes b = {copy, copy + size, false};
    uint8_t *entry;
    uint64_t length;
    while (next_entry(&b, &entry, &length))
        convert(copy, size, entry, length, bias, section);
    sort(index, section->count);
    return section->count > 0;
}

static bool load(const struct module *module, struct cfi_section *section)
{
    size_t size;
    int file = open_file(module);
    if (file < 0)
        return false;
    uint8_t *copy = copy_section(file, &size);
    syscall(SYS_close, file);
    return copy && make_section(copy, size, module->bias, section);
}

/* ---- look-up ---------------------------------------------------------------------------------------- */

/* A free entry for a module, for this thread to fill in. Only one thread at a time: to others meanwhile, such
 * as a signal handler, these frames are unknown. NULL = not possible. */
static struct known *claim(_Atomic bool *busy)
{
    if (guest_confined || atomic_exchange(busy, true))
        return NULL;
    for (unsigned i = 0; i < KNOWN; i++) {
        uint32_t none = STATE_FREE;
        if (atomic_compare_exchange_strong(&all[i].state, &none, STATE_BUSY))
            return &all[i];
    }
    return NULL; /* there is no free entry any more: busy stays set */
}

const struct cfi_section *debug_frame_of(const struct module *module)
{
    static _Atomic bool busy;
    for (unsigned i = 0; i < KNOWN; i++) {
        uint32_t state = atomic_load(&all[i].state);
        if (state >= STATE_NONE && all[i].start == module->start && all[i].end == module->end &&
            all[i].build_hash == module->build_hash)
            return state == STATE_THERE ? &all[i].section : NULL;
    }
    int saved = errno;
    struct known *known = claim(&busy);
    if (!known)
        return NULL;
    known->start = module->start;
    known->end = module->end;
    known->build_hash = module->build_hash;
    bool is_there = load(module, &known->section);
    atomic_store(&known->state, is_there ? STATE_THERE : STATE_NONE);
    atomic_store(&busy, false);
    errno = saved;
    return is_there ? &known->section : NULL;
}
