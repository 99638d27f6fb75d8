/* init.c - what happens when the library is loaded. */
#define _GNU_SOURCE
#include "wire_attach.h"
#include "arena.h"
#include "deepbind.h"
#include "real.h"
#include "record.h"
#include "exports.h"
#include "process.h"
#include "python.h"
#include "session.h"

#include <link.h>
#include <stdlib.h>

static void load(void) __attribute__((constructor));

/* What the loader allocates for libunwind is not the program's, and not recorded. */
static void open_oracle(void)
{
    struct thread *t = thread_enter(__builtin_frame_address(0));
    if (t)
        t->pass_through = true;
    oracle_open();
    if (t) {
        t->pass_through = false;
        thread_leave(t);
    }
}

static int which_first(struct dl_phdr_info *info, size_t size, void *data)
{
    uintptr_t *first = data;
    (void)size;
    for (int i = 0; i < info->dlpi_phnum && !*first; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_LOAD &&
            (uintptr_t)&load - info->dlpi_addr - segment->p_vaddr < segment->p_memsz)
            *first = (uintptr_t)&load;
    }
    if (!*first && info->dlpi_addr == _r_debug.r_ldbase)
        *first = info->dlpi_addr;
    return *first != 0;
}

/* In the loader's list, preloaded libraries come before ld.so, libraries that trace-attach loads after it. */
static bool loaded_at_start(void)
{
    uintptr_t first = 0;
    dl_iterate_phdr(which_first, &first);
    return first == (uintptr_t)&load;
}

/* Says so if the program, or a library before us, has its own malloc(), whose calls we do not see. If it
 * is the whole run, that shows anyway. */
static void tell_own_allocator(void)
{
    uintptr_t bias;
    const ElfW(Sym) *first = exports_symbol("malloc", &bias);
    if (first && bias + first->st_value != (uintptr_t)&malloc && !(process->flags & WIRE_PROCESS_FIRST))
        atomic_fetch_add(&arena->untraced, 1);
}

/* Constructors of other libraries may have allocated before, which has started the session; what is left
 * here needs a process whose libraries are initialised. */
static void load(void)
{
    if (!loaded_at_start()) {
        session_passive();
        return;
    }
    libtrace_state = ATTACH_STATE_PRELOADED;
    real_init();
    session_constructor();
    if (session_ready()) {
        tell_own_allocator();
        if (settings.check_stacks)
            open_oracle();
        python_look();
        atomic_store(&deepbind_expected, true);
    }
    record_plain = !settings.check_stacks && !settings.sample && !python_active;
}
