/* debug_frame.c - a fuzz target: a program's file, whose .debug_frame is converted to what cfi.c reads, and then read. */
#include "../../preload/guest/stack/debug_frame.c" /* for what is static in it */
#include "input.h"

#include <sys/mman.h>

/* Only open_file() asks for mappings. */
bool mappings_find(uintptr_t address, struct mapping *mapping, char *path, size_t size)
{
    (void)address, (void)mapping, (void)path, (void)size;
    return false;
}

static uint8_t *copy_of(const uint8_t *data, size_t size, size_t *section_size)
{
    int file = memfd_create("program", MFD_CLOEXEC);
    uint8_t *copy =
        file >= 0 && write(file, data, size) == (ssize_t)size ? copy_section(file, section_size) : NULL;
    if (file >= 0)
        close(file);
    return copy;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct cfi_scratch scratch;
    struct cfi_section section = {0};
    size_t section_size = 0;
    uint8_t *copy = copy_of(data, size, &section_size);
    if (!copy)
        return 0;
    if (make_section(copy, section_size, 0, &section))
        for (size_t i = 0; i < section.count && i < 16; i++)
            for (unsigned k = 0; k < 4; k++)
                cfi_rule(&section, section.index[i].start + 5 * k, &scratch);
    if (section.index)
        guest_unmap((void *)section.index, count_entries(copy, section_size) * sizeof *section.index);
    guest_unmap(copy, section_size);
    return 0;
}
