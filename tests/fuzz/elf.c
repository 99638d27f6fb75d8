/* elf.c - a fuzz target: a program's or library's file (ELF, DWARF, compressed sections, .gnu_debugdata), in which
 * functions, lines, classes and types are looked up. */
#define _GNU_SOURCE
#include "input.h"
#include "symbols.h"

#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { FRAMES = 32, LOOKS = 48 };

static void look_up(struct symbols_module *module, uint64_t address)
{
    struct symbols_frame frames[FRAMES];
    size_t count = symbols_resolve(module, address, frames, FRAMES);
    if (count < 1 || count > FRAMES)
        abort();
    for (size_t i = 0; i < count; i++)
        (void)symbols_is_library_code(&frames[i]);
    for (uint64_t size = 8; size <= 64; size += 8)
        (void)symbols_made(module, address, size);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    int file = memfd_create("module", MFD_CLOEXEC);
    if (size < 64 || file < 0 || write(file, data, size) != (ssize_t)size) {
        close(file);
        return 0;
    }
    struct symbols *symbols = symbols_open();
    struct symbols_module *module = symbols ? symbols_module(symbols, "/module", NULL, 0) : NULL;
    if (!module)
        abort();
    symbols_module_file(module, file); /* which is the module's from now on */
    for (unsigned i = 0; i < LOOKS; i++)
        look_up(module, 0x1000 + 0x1d * i);
    for (uint64_t address = 0x3c00; address < 0x4100; address += 8)
        (void)symbols_class(module, address);
    symbols_close(symbols);
    return 0;
}
