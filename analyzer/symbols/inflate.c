/* inflate.c - see inflate.h.
 *
 * Distributions compress the debug information that they package. libdw inflates every section of a file, with
 * zlib, before it reads the first: for the C library's, which nearly every program needs, that took two thirds
 * of all the time spent on symbols and the database. libdeflate takes less than half of that, and the location
 * lists of variables, a seventh of the whole, are not needed here.
 *
 * Sections compressed with zstd are known to libelf from 0.189 on, and not in every build.
 *
 * Files may be corrupt or malicious: if anything points outside the file, or would inflate to more than it can
 * have been compressed from, the file is left as it is.
 */
#define _GNU_SOURCE
#include "inflate.h"
#include "populate.h"

#include <elf.h>
#include <errno.h>
#include <libdeflate.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#ifdef LIBTRACE_ZSTD
#include <zstd.h>
#endif

#ifndef ELFCOMPRESS_ZSTD
#define ELFCOMPRESS_ZSTD 2
#endif

enum {
    EXPANSION_MAX = 1032,       /* limit of deflate: 258 bytes from two bits */
    ZSTD_EXPANSION_MAX = 32768, /* a block of 128 KiB of one byte, from four bytes */
    GROWTH_MAX = 64,            /* limit for a whole file; real ones grow fourfold */
    ALIGNMENT_MAX = 4096,
};

/* The original file, and the new file in memory: an uncompressed section keeps its place, and the inflated
 * ones follow behind the original size. */
struct inflater {
    const unsigned char *from;
    size_t size;
    const Elf64_Shdr *sections; /* in the original file */
    size_t count;
    const char *names; /* the last byte is a NUL */
    size_t names_size;
    unsigned char *to;
    size_t to_size;
};

static int is_inside(const struct inflater *f, uint64_t offset, uint64_t size)
{
    return offset <= f->size && size <= f->size - offset;
}

/* False if it is not an ELF file of this machine's kind, or is broken. */
static int find_sections(struct inflater *f)
{
    Elf64_Ehdr header;
    if (f->size < sizeof header)
        return 0;
    memcpy(&header, f->from, sizeof header);
    if (memcmp(header.e_ident, ELFMAG, SELFMAG) != 0 || header.e_ident[EI_CLASS] != ELFCLASS64 ||
        header.e_ident[EI_DATA] != ELFDATA2LSB || header.e_shentsize != sizeof(Elf64_Shdr) ||
        header.e_shoff % _Alignof(Elf64_Shdr) != 0 || header.e_shstrndx >= header.e_shnum ||
        !is_inside(f, header.e_shoff, header.e_shnum * sizeof(Elf64_Shdr)))
        return 0;
    f->sections = (const Elf64_Shdr *)(const void *)(f->from + header.e_shoff);
    f->count = header.e_shnum;
    const Elf64_Shdr *names = &f->sections[header.e_shstrndx];
    if (names->sh_type == SHT_NOBITS || names->sh_size == 0 ||
        !is_inside(f, names->sh_offset, names->sh_size))
        return 0;
    f->names = (const char *)f->from + names->sh_offset;
    f->names_size = names->sh_size;
    return f->names[f->names_size - 1] == '\0';
}

static int is_called(const struct inflater *f, const Elf64_Shdr *section, const char *name)
{
    return section->sh_name < f->names_size && strcmp(f->names + section->sh_name, name) == 0;
}

static int is_unread(const struct inflater *f, const Elf64_Shdr *section)
{
    static const char *const unread[] = {".debug_loc", ".debug_loclists", ".debug_frame", ".debug_macro",
                                         ".debug_aranges"};
    for (size_t i = 0; i < sizeof unread / sizeof *unread; i++)
        if (is_called(f, section, unread[i]))
            return 1;
    return 0;
}

/* How many times larger than its compressed form a section can be; 0 = an unknown compression. */
static uint64_t expansion(const Elf64_Chdr *header)
{
    switch (header->ch_type) {
    case ELFCOMPRESS_ZLIB:
        return EXPANSION_MAX;
#ifdef LIBTRACE_ZSTD
    case ELFCOMPRESS_ZSTD:
        return ZSTD_EXPANSION_MAX;
#endif
    default:
        return 0;
    }
}

/* Chooses the offset of its inflated bytes in the new file, which ends at f->to_size so far. False if it
 * cannot be inflated here. */
static int place(struct inflater *f, const Elf64_Shdr *section, Elf64_Chdr *header, uint64_t *offset)
{
    if (!is_inside(f, section->sh_offset, section->sh_size) || section->sh_size < sizeof *header)
        return 0;
    memcpy(header, f->from + section->sh_offset, sizeof *header);
    uint64_t alignment = header->ch_addralign ? header->ch_addralign : 1;
    uint64_t most = expansion(header);
    if (!most || alignment > ALIGNMENT_MAX || (alignment & (alignment - 1)) ||
        header->ch_size / most > section->sh_size)
        return 0;
    *offset = (f->to_size + alignment - 1) & ~(alignment - 1);
    f->to_size = *offset + header->ch_size;
    return f->to_size / GROWTH_MAX <= f->size;
}

/* Computes the size of the new file; false if there is nothing to inflate, or something that we cannot. */
static int measure(struct inflater *f)
{
    size_t compressed = 0;
    int has_parts = 0, is_needed = 0;
    f->to_size = f->size;
    for (size_t i = 1; i < f->count; i++) {
        const Elf64_Shdr *section = &f->sections[i];
        Elf64_Chdr header;
        uint64_t offset;
        has_parts |= is_called(f, section, ".debug_addr");
        if (!(section->sh_flags & SHF_COMPRESSED) || section->sh_type == SHT_NOBITS || is_unread(f, section))
            continue;
        if (!place(f, section, &header, &offset))
            return 0;
        is_needed |= header.ch_type != ELFCOMPRESS_ZLIB;
        compressed++;
    }
    /* If parts of the debug information may be in other files, which libdw looks for beside the original,
     * use the original if libelf can inflate it. */
    return compressed > 0 && (!has_parts || is_needed);
}

/* Copies everything but the compressed sections, which remain holes in the new file. */
static int copy_rest(const struct inflater *f)
{
    Elf64_Ehdr header;
    memcpy(&header, f->from, sizeof header);
    memcpy(f->to, &header, sizeof header);
    memcpy(f->to + header.e_shoff, f->from + header.e_shoff, f->count * sizeof(Elf64_Shdr));
    if (!is_inside(f, header.e_phoff, (uint64_t)header.e_phnum * header.e_phentsize))
        return 0;
    memcpy(f->to + header.e_phoff, f->from + header.e_phoff, (size_t)header.e_phnum * header.e_phentsize);
    for (size_t i = 1; i < f->count; i++) {
        const Elf64_Shdr *section = &f->sections[i];
        if (section->sh_flags & SHF_COMPRESSED || section->sh_type == SHT_NOBITS || section->sh_size == 0)
            continue;
        if (!is_inside(f, section->sh_offset, section->sh_size))
            return 0;
        memcpy(f->to + section->sh_offset, f->from + section->sh_offset, section->sh_size);
    }
    return 1;
}

/* False if the compressed data is broken. */
static int inflate_one(struct inflater *f, struct libdeflate_decompressor *decompressor,
                       const Elf64_Shdr *section, const Elf64_Chdr *header, uint64_t offset)
{
    const unsigned char *packed = f->from + section->sh_offset + sizeof *header;
    size_t size = section->sh_size - sizeof *header;
    populate(f->to + offset, header->ch_size);
#ifdef LIBTRACE_ZSTD
    if (header->ch_type == ELFCOMPRESS_ZSTD)
        return ZSTD_decompress(f->to + offset, header->ch_size, packed, size) == header->ch_size;
#endif
    return libdeflate_zlib_decompress(decompressor, packed, size, f->to + offset, header->ch_size, NULL) ==
           LIBDEFLATE_SUCCESS;
}

/* Of the section's pages, which are read once. */
static void let_go(const struct inflater *f, const Elf64_Shdr *section)
{
    uintptr_t from = ((uintptr_t)f->from + section->sh_offset) & ~(POPULATE_PAGE - 1);
    uintptr_t end = ((uintptr_t)f->from + section->sh_offset + section->sh_size) & ~(POPULATE_PAGE - 1);
    if (from < end)
        madvise((void *)from, end - from, MADV_DONTNEED);
}

static int inflate_all(struct inflater *f, struct libdeflate_decompressor *decompressor)
{
    Elf64_Shdr *sections = (Elf64_Shdr *)(void *)(f->to + ((const unsigned char *)f->sections - f->from));
    f->to_size = f->size;
    for (size_t i = 1; i < f->count; i++) {
        const Elf64_Shdr *from = &f->sections[i];
        Elf64_Shdr *to = &sections[i];
        Elf64_Chdr header;
        uint64_t offset;
        if (!(from->sh_flags & SHF_COMPRESSED) || from->sh_type == SHT_NOBITS)
            continue;
        to->sh_flags &= ~(uint64_t)SHF_COMPRESSED;
        if (is_unread(f, from)) {
            to->sh_type = SHT_NOBITS;
            continue;
        }
        if (!place(f, from, &header, &offset) || !inflate_one(f, decompressor, from, &header, offset))
            return 0;
        let_go(f, from);
        to->sh_offset = offset;
        to->sh_size = header.ch_size;
        to->sh_addralign = header.ch_addralign;
    }
    return 1;
}

/* Creates the new file; -1 = not possible. */
static int make(struct inflater *f)
{
    struct libdeflate_decompressor *decompressor = libdeflate_alloc_decompressor();
    int file = memfd_create("libtrace-debug", MFD_CLOEXEC), made = 0;
    if (decompressor && file >= 0 && ftruncate(file, (off_t)f->to_size) == 0) {
        size_t size = f->to_size;
        void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        f->to = memory;
        if (memory != MAP_FAILED) {
            made = copy_rest(f) && inflate_all(f, decompressor);
            munmap(memory, size);
        }
    }
    libdeflate_free_decompressor(decompressor);
    if (!made && file >= 0)
        close(file);
    return made ? file : -1;
}

static int (*limit)(uint64_t bytes); /* NULL = no limit */

void inflate_limit(int (*fits)(uint64_t bytes))
{
    limit = fits;
}

int inflate_fits(uint64_t bytes)
{
    if (!limit || limit(bytes))
        return 1;
    errno = ENOMEM;
    return 0;
}

int inflate_debug_sections(int fd, int *too_large)
{
    struct stat status;
    struct inflater f = {0};
    if (fd < 0 || fstat(fd, &status) != 0 || status.st_size <= 0)
        return fd;
    f.size = (size_t)status.st_size;
    void *memory = mmap(NULL, f.size, PROT_READ, MAP_PRIVATE, fd, 0);
    if (memory == MAP_FAILED)
        return fd;
    f.from = memory;
    int file = -1;
    if (find_sections(&f) && measure(&f)) {
        *too_large = !inflate_fits(f.to_size);
        file = *too_large ? -1 : make(&f);
    }
    munmap(memory, f.size);
    if (file < 0)
        return fd;
    close(fd);
    return file;
}
