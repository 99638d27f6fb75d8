/* mapped_image.c - see mapped_image.h. */
#include "mapped_image.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* It is not mapped: reading what was cut off meanwhile would kill us. */
bool image_open(struct image *image, int file)
{
    elf_version(EV_CURRENT);
    image->file = file;
    image->elf = image->file >= 0 ? elf_begin(image->file, ELF_C_READ, NULL) : NULL;
    return image->elf && elf_kind(image->elf) == ELF_K_ELF;
}

void image_close(struct image *image)
{
    if (image->elf)
        elf_end(image->elf);
    if (image->file >= 0)
        close(image->file);
}

void image_symbols(struct image *image, bool (*each)(const GElf_Sym *, const char *, void *), void *data)
{
    for (Elf_Scn *section = NULL; (section = elf_nextscn(image->elf, section));) {
        GElf_Shdr header;
        if (!gelf_getshdr(section, &header) || header.sh_type != SHT_DYNSYM || !header.sh_entsize)
            continue;
        Elf_Data *symbols = elf_getdata(section, NULL);
        for (size_t i = 0; symbols && i < header.sh_size / header.sh_entsize; i++) {
            GElf_Sym symbol;
            if (!gelf_getsym(symbols, (int)i, &symbol) || symbol.st_shndx == SHN_UNDEF)
                continue;
            const char *name = elf_strptr(image->elf, header.sh_link, symbol.st_name);
            if (name && each(&symbol, name, data))
                return;
        }
    }
}

uintptr_t image_first_page(struct image *image)
{
    size_t count = 0;
    elf_getphdrnum(image->elf, &count);
    for (size_t i = 0; i < count; i++) {
        GElf_Phdr segment;
        if (gelf_getphdr(image->elf, (int)i, &segment) && segment.p_type == PT_LOAD)
            return segment.p_vaddr & -(uintptr_t)sysconf(_SC_PAGESIZE);
    }
    return 0;
}

#define SEARCHED_MOST (64 << 20) /* bytes: no C library is larger */

uintptr_t image_code(struct image *image, const void *bytes, size_t size)
{
    size_t count = 0, file_size = 0;
    struct stat facts;
    bool fits = fstat(image->file, &facts) == 0 && facts.st_size <= SEARCHED_MOST;
    const char *file = fits ? elf_rawfile(image->elf, &file_size) : NULL;
    elf_getphdrnum(image->elf, &count);
    for (size_t i = 0; file && i < count; i++) {
        GElf_Phdr segment;
        if (!gelf_getphdr(image->elf, (int)i, &segment) || segment.p_type != PT_LOAD ||
            !(segment.p_flags & PF_X) || segment.p_offset > file_size ||
            segment.p_filesz > file_size - segment.p_offset)
            continue;
        const char *found = memmem(file + segment.p_offset, segment.p_filesz, bytes, size);
        if (found)
            return segment.p_vaddr + (uintptr_t)(found - file) - segment.p_offset;
    }
    return 0;
}
