/* cfi.c - a fuzz target: call frame information of a module, read as the library does inside a program.
 *
 * The input is what follows the address of .eh_frame_hdr in a loaded segment, .eh_frame included. It ends right before
 * memory that cannot be read. Stacks are walked by what it says, on a stack of two pages, with nothing to be read around.
 */
#define _GNU_SOURCE
#include "cfi.h"
#include "input.h"

#include <stdlib.h>
#include <sys/mman.h>

#define PAGE 4096u
#define ROOM (64u << 10)
#define STACK (2 * PAGE)

static char *section_end;
static uint64_t *stack;

/* Memory with nothing before and behind it. */
static char *guarded(size_t size)
{
    char *all = mmap(NULL, size + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (all == MAP_FAILED || mprotect(all + PAGE, size, PROT_READ | PROT_WRITE) != 0)
        abort();
    return all + PAGE;
}

static void walk(const struct cfi_section *section, uintptr_t pc, unsigned number)
{
    static struct cfi_scratch scratch;
    struct registers r = {.known = number % 5 ? (1u << DWARF_COUNT) - 1 : 1u << DWARF_RSP};
    struct extent extent = {
        .low = (uintptr_t)stack, .high = (uintptr_t)stack + STACK, .own = number % 2 == 0};
    uintptr_t slot;
    for (unsigned i = 0; i < DWARF_COUNT; i++)
        r.value[i] = (uintptr_t)stack + (number * 40 + i * 24) % STACK;
    cfi_rule(section, pc, &scratch);
    for (int frames = 0; frames < 4; frames++)
        if (cfi_step(section, pc, &scratch, &r, &extent, &slot) != CFI_CALLER)
            break;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size > ROOM)
        return 0;
    if (!section_end) {
        section_end = guarded(ROOM) + ROOM;
        stack = (uint64_t *)guarded(STACK);
        for (unsigned i = 0; i < STACK / sizeof *stack; i++)
            stack[i] = (uintptr_t)&stack[i * 7 % (STACK / sizeof *stack)];
    }
    uintptr_t start = ((uintptr_t)section_end - size) & ~3ul;
    memcpy((void *)start, data, size);
    const struct cfi_section section = {.header = start, .start = start, .end = start + size};
    for (unsigned i = 0; i < 24; i++)
        walk(&section, start - 0x2000 + i * 0x61, i); /* code lies before its description */
    for (unsigned i = 0; i < 8; i++)
        walk(&section, start - (256u << i), i);
    return 0;
}
