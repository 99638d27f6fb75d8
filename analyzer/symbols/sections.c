/* sections.c - see sections.h. */
#include "sections.h"

#include <gelf.h>
#include <string.h>

/* Older files call compressed sections .zdebug_*. */
static int is_called(const char *found, const char *name, int is_split)
{
    size_t length = strlen(name);
    if (!found || found[0] != '.')
        return 0;
    found += found[1] == 'z' ? 2 : 1;
    return strncmp(found, name, length) == 0 && strcmp(found + length, is_split ? ".dwo" : "") == 0;
}

struct section section_find(Elf *elf, const char *name, int is_split)
{
    struct section none = {"", 0};
    Elf_Scn *found = NULL;
    size_t names;
    if (elf_getshdrstrndx(elf, &names) != 0)
        return none;
    while ((found = elf_nextscn(elf, found)) != NULL) {
        GElf_Shdr header;
        if (!gelf_getshdr(found, &header) || header.sh_type == SHT_NOBITS ||
            !is_called(elf_strptr(elf, names, header.sh_name), name, is_split))
            continue;
        /* libdw has decompressed the sections that it knows already, in place. */
        if ((header.sh_flags & SHF_COMPRESSED) && elf_compress(found, 0, 0) < 0)
            return none;
        Elf_Data *data = elf_getdata(found, NULL);
        return data && data->d_buf ? (struct section){data->d_buf, data->d_size} : none;
    }
    return none;
}
