/* address_room.c - see address_room.h. */
#include "address_room.h"

#include <errno.h>
#include <fcntl.h>
#include <gelf.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define LEAST (16u << 20) /* bytes, of the smallest files */
/* So many times what libdw reads. glibc's 7.7 MiB took 12.1, with frames looked up all over its code. */
#define FACTOR 3

static uint64_t limit_of(int resource)
{
    struct rlimit limit;
    return getrlimit((__rlimit_resource_t)resource, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY
               ? limit.rlim_cur
               : UINT64_MAX;
}

static uint64_t less(uint64_t limit, uint64_t pages)
{
    uint64_t used = pages * (uint64_t)sysconf(_SC_PAGESIZE);
    return limit == UINT64_MAX ? limit : limit > used ? limit - used : 0;
}

/* Bytes of address space that can still be taken. */
static uint64_t room(void)
{
    uint64_t space = limit_of(RLIMIT_AS), data = limit_of(RLIMIT_DATA);
    if (space == UINT64_MAX && data == UINT64_MAX)
        return UINT64_MAX;
    unsigned long pages = 0, of_data = 0;
    FILE *file = fopen("/proc/self/statm", "re");
    if (file) {
        if (fscanf(file, "%lu %*u %*u %*u %*u %lu", &pages, &of_data) != 2)
            pages = of_data = 0;
        fclose(file);
    }
    space = less(space, pages);
    data = less(data, of_data);
    return space < data ? space : data;
}

static uint64_t size_of(Elf *debug)
{
    static const char *const read[] = {".debug_info", ".debug_abbrev", ".debug_line"};
    uint64_t size = 0;
    size_t names;
    GElf_Shdr header;
    if (elf_getshdrstrndx(debug, &names) != 0)
        return 0;
    for (Elf_Scn *section = NULL; (section = elf_nextscn(debug, section));) {
        const char *name = gelf_getshdr(section, &header) ? elf_strptr(debug, names, header.sh_name) : NULL;
        for (size_t i = 0; name && i < sizeof read / sizeof read[0]; i++)
            if (strcmp(name, read[i]) == 0 && header.sh_size < UINT64_MAX / 64)
                size += header.sh_size;
    }
    return size;
}

int address_room_for(Elf *debug)
{
    uint64_t bytes = room();
    if (bytes == UINT64_MAX || bytes >= LEAST + FACTOR * size_of(debug))
        return 1;
    errno = ENOMEM;
    return 0;
}
