/* thread_stack.c - see thread_stack.h. */
#include "thread_stack.h"

#include <dwarf.h>
#include <elfutils/libdwfl.h>
#include <stdlib.h>

#define DEPTH 256 /* frames looked at: further out there is nothing of the allocator's */

struct stacks {
    Dwfl *dwfl;
};

/* No debug files are needed to find return addresses. */
static int no_debug_file(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base,
                         const char *file, const char *link, GElf_Word crc, char **found)
{
    (void)module, (void)data, (void)name, (void)base, (void)file, (void)link, (void)crc, (void)found;
    return -1;
}

/* Opens files, and looks for their unwind tables, before any thread is stopped. */
static int get_ready(Dwfl_Module *module, void **data, const char *name, Dwarf_Addr base, void *unused)
{
    Dwarf_Addr bias;
    (void)data, (void)name, (void)base, (void)unused;
    dwfl_module_eh_cfi(module, &bias);
    return DWARF_CB_OK;
}

struct stacks *stacks_open(pid_t pid)
{
    static const Dwfl_Callbacks callbacks = {.find_elf = dwfl_linux_proc_find_elf,
                                             .find_debuginfo = no_debug_file};
    struct stacks *stacks = calloc(1, sizeof *stacks);
    if (!stacks)
        return NULL;
    stacks->dwfl = dwfl_begin(&callbacks);
    if (stacks->dwfl && dwfl_linux_proc_report(stacks->dwfl, pid) == 0 &&
        dwfl_report_end(stacks->dwfl, NULL, NULL) == 0 &&
        dwfl_linux_proc_attach(stacks->dwfl, pid, true) == 0) {
        dwfl_getmodules(stacks->dwfl, get_ready, NULL, 0);
        return stacks;
    }
    stacks_close(stacks);
    return NULL;
}

void stacks_close(struct stacks *stacks)
{
    if (stacks && stacks->dwfl)
        dwfl_end(stacks->dwfl);
    free(stacks);
}

struct walk {
    const struct target *target;
    unsigned frames, own; /* own: in the program's code, not libc's */
    bool unsafe;
};

static int look_at_frame(Dwfl_Frame *frame, void *data)
{
    struct walk *walk = data;
    Dwarf_Addr pc;
    bool activation;
    if (!dwfl_frame_pc(frame, &pc, &activation) || walk->frames == DEPTH)
        return DWARF_CB_ABORT;
    uintptr_t address = pc - (activation ? 0 : 1);
    walk->frames++;
    walk->unsafe = target_unsafe(walk->target, address);
    walk->own += !target_is_system(walk->target, address);
    return walk->unsafe ? DWARF_CB_ABORT : DWARF_CB_OK;
}

enum stack_place stacks_place(struct stacks *stacks, const struct target *target, pid_t tid)
{
    struct walk walk = {.target = target};
    int result = dwfl_getthread_frames(stacks->dwfl, tid, look_at_frame, &walk);
    if (walk.unsafe)
        return STACK_UNSAFE;
    if (result < 0 || walk.frames == 0)
        return STACK_UNKNOWN;
    /* Only libc's frames: a thread that is starting or ending. */
    if (walk.own == 0 && result == 0)
        return STACK_UNSAFE;
    return STACK_SAFE;
}
