/* file_pages.c - see file_pages.h.
 *
 * libelf maps files privately, and writes to some pages, as those of section headers: the file does not have these any
 * more as they are. And it reads a file that it cannot map. So only those pages are given up of which the kernel says
 * that they are the file's.
 */
#define _GNU_SOURCE
#include "file_pages.h"

#include <fcntl.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

enum {
    PAGE = 4096,
    LEAST = 16 * PAGE, /* bytes of a section: it is not worth it for fewer */
    AT_ONCE = 512,     /* pages */
};

/* Bits of /proc/self/pagemap. */
#define IS_PRESENT (UINT64_C(1) << 63)
#define IS_SWAPPED (UINT64_C(1) << 62)
#define IS_FILES (UINT64_C(1) << 61)

static int can_be_read_again(uint64_t page)
{
    return (page & IS_FILES) || !(page & (IS_PRESENT | IS_SWAPPED));
}

static void let_go_of_some(int pagemap, char *from, size_t pages)
{
    uint64_t found[AT_ONCE];
    ssize_t size =
        pread(pagemap, found, pages * sizeof *found, (off_t)((uintptr_t)from / PAGE * sizeof *found));
    size_t count = size > 0 ? (size_t)size / sizeof *found : 0;
    for (size_t first = 0, end; first < count; first = end) {
        end = first;
        while (end < count && can_be_read_again(found[end]))
            end++;
        if (end > first)
            madvise(from + first * PAGE, (end - first) * PAGE, MADV_DONTNEED);
        else
            end++;
    }
}

static void let_go_of(int pagemap, const void *memory, size_t size)
{
    uintptr_t from = ((uintptr_t)memory + PAGE - 1) / PAGE * PAGE,
              end = ((uintptr_t)memory + size) / PAGE * PAGE;
    for (; from < end; from += (uintptr_t)AT_ONCE * PAGE) {
        size_t pages = (end - from) / PAGE;
        let_go_of_some(pagemap, (char *)from, pages < AT_ONCE ? pages : AT_ONCE);
    }
}

/* Symbol tables with their names, and debug information: no more than libelf has looked at already. */
static int was_read(Elf *elf, size_t names, const GElf_Shdr *header)
{
    if (header->sh_size < LEAST || (header->sh_flags & SHF_COMPRESSED))
        return 0;
    if (header->sh_type == SHT_SYMTAB || header->sh_type == SHT_DYNSYM || header->sh_type == SHT_STRTAB)
        return 1;
    const char *name = header->sh_type == SHT_PROGBITS ? elf_strptr(elf, names, header->sh_name) : NULL;
    return name && strncmp(name, ".debug_", 7) == 0;
}

void file_pages_let_go(const struct image *image, Elf *elf)
{
    GElf_Addr bias;
    int is_main = elf && elf == dwfl_module_getelf(image->module, &bias);
    size_t names;
    if (!elf || (is_main ? image->is_inflated : image->is_debug_inflated) ||
        elf_getshdrstrndx(elf, &names) != 0)
        return;
    int pagemap = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
    if (pagemap < 0)
        return;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(elf, section));) {
        GElf_Shdr header;
        Elf_Data *data = gelf_getshdr(section, &header) && was_read(elf, names, &header)
                             ? elf_rawdata(section, NULL)
                             : NULL;
        if (data && data->d_buf)
            let_go_of(pagemap, data->d_buf, data->d_size);
    }
    close(pagemap);
}

void file_pages_let_go_symbols(const struct image *image, int symbols)
{
    Elf *last = NULL;
    const int ends[] = {1, symbols - 1}; /* the first symbol and the last */
    for (int i = 0; i < 2 && symbols > 1; i++) {
        GElf_Sym symbol;
        GElf_Addr address;
        Elf *elf = NULL;
        dwfl_module_getsym_info(image->module, ends[i], &symbol, &address, NULL, &elf, NULL);
        if (elf != last)
            file_pages_let_go(image, elf);
        last = elf;
    }
}
