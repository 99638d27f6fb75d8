/* patch.c - see patch.h. */
#define _GNU_SOURCE
#include "patch.h"
#include "wire_attach.h"
#include "guest.h"
#include "guest_assert.h"
#include "confine.h"
#include "locked.h"
#include "machine.h"
#include "map_calls.h"
#include "real.h"
#include "exports.h"

#include <dlfcn.h>
#include <link.h>
#include <malloc.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

extern void cfree(void *);
extern void free_sized(void *, size_t);
extern void free_aligned_sized(void *, size_t, size_t);

/* Frees are redirected to us first, and back last: so no block is recorded whose free is not. */
enum stage { STAGE_FREE, STAGE_REALLOC, STAGE_ALLOC, STAGES };

struct hook {
    const char *name;
    void *ours;
    void *real; /* where the address of the real function is stored, or NULL */
    enum stage stage;
    /* Set by patch_find(): */
    uintptr_t address; /* of the allocator's function; 0 = the program has none */
    ElfW(Sym) * symbol;
    uintptr_t bias; /* of the module with the symbol */
};

/* The library is linked with -Bsymbolic, so in this file these names mean our own functions. */
#define HOOK(name, stage)                                  \
    {                                                      \
#name, (void *)name, &real.name, stage, 0, NULL, 0 \
    }
#define HOOK_ONLY(name, stage)                       \
    {                                                \
#name, (void *)name, NULL, stage, 0, NULL, 0 \
    }
static struct hook hooks[] = {
    HOOK(free, STAGE_FREE),
    HOOK_ONLY(cfree, STAGE_FREE),
    HOOK_ONLY(free_sized, STAGE_FREE),
    HOOK_ONLY(free_aligned_sized, STAGE_FREE),
    HOOK(realloc, STAGE_REALLOC),
    HOOK_ONLY(reallocarray, STAGE_REALLOC),
    HOOK(malloc, STAGE_ALLOC),
    HOOK(calloc, STAGE_ALLOC),
    HOOK(posix_memalign, STAGE_ALLOC),
    HOOK(aligned_alloc, STAGE_ALLOC),
    HOOK(memalign, STAGE_ALLOC),
    HOOK(valloc, STAGE_ALLOC),
    HOOK(pvalloc, STAGE_ALLOC),
    HOOK(malloc_usable_size, STAGE_FREE),
    HOOK(_exit, STAGE_ALLOC),
    HOOK_ONLY(_Exit, STAGE_ALLOC),
    HOOK(quick_exit, STAGE_ALLOC),
    {"munmap", (void *)map_calls_munmap, &real.munmap, STAGE_FREE, 0, NULL, 0},
    {"shmdt", (void *)map_calls_shmdt, &real.shmdt, STAGE_FREE, 0, NULL, 0},
    {"mremap", (void *)map_calls_mremap, &real.mremap, STAGE_REALLOC, 0, NULL, 0},
    {"mmap", (void *)map_calls_mmap, &real.mmap, STAGE_ALLOC, 0, NULL, 0},
    {"mmap64", (void *)map_calls_mmap, NULL, STAGE_ALLOC, 0, NULL, 0},
    {"brk", (void *)map_calls_brk, &real.brk, STAGE_ALLOC, 0, NULL, 0},
    {"sbrk", (void *)map_calls_sbrk, &real.sbrk, STAGE_ALLOC, 0, NULL, 0},
    {"shmat", (void *)map_calls_shmat, &real.shmat, STAGE_ALLOC, 0, NULL, 0},
    {"prctl", (void *)confine_prctl, &real.prctl, STAGE_ALLOC, 0, NULL, 0},
    {"mlockall", (void *)locked_all, &real.mlockall, STAGE_ALLOC, 0, NULL, 0},
    {"syscall", (void *)confine_syscall, &real.syscall, STAGE_ALLOC, 0, NULL, 0},
};
#define HOOKS (sizeof hooks / sizeof hooks[0])

int patch_find(void)
{
    for (size_t i = 0; i < HOOKS; i++) {
        struct hook *hook = &hooks[i];
        /* Not dlsym(): if a program that is not position-independent takes malloc's address, dlsym()
         * returns the program's own PLT entry, which leads to our hook once it is patched. */
        hook->symbol = (ElfW(Sym) *)exports_symbol(hook->name, &hook->bias);
        if (!hook->symbol)
            continue;
        hook->address = hook->bias + hook->symbol->st_value;
        if (hook->real)
            memcpy(hook->real, &hook->address, sizeof hook->address);
    }
    for (size_t i = 0; i < HOOKS; i++) {
        if (!hooks[i].address && strcmp(hooks[i].name, "malloc") == 0)
            return ATTACH_NO_MALLOC;
    }
    return 0;
}

/* ---- one pass over all modules ------------------------------------------------------------------ */

struct pass {
    bool on;
    enum stage stage;
    uint32_t changed, refused;
    uintptr_t page; /* its size - 1 */
    unsigned long long adds;
    bool disturbed; /* a module was added meanwhile */
};

/* The value that replaces a pointer with this value; 0 = leave it. */
static uintptr_t other(const struct pass *pass, uintptr_t value)
{
    for (size_t i = 0; i < HOOKS; i++) {
        const struct hook *hook = &hooks[i];
        if (hook->stage == pass->stage && hook->address &&
            value == (pass->on ? hook->address : (uintptr_t)hook->ours))
            return pass->on ? (uintptr_t)hook->ours : hook->address;
    }
    return 0;
}

/* The parts of a module that may hold such pointers. */
struct module_view {
    const struct dl_phdr_info *info;
    uintptr_t relro_start, relro_end; /* whole pages that the loader has made read-only */
    bool open;                        /* they are writable at the moment */
    const ElfW(Rela) * tables[2];
    size_t sizes[2]; /* entries */
};

static int protection(uint32_t flags)
{
    return (flags & PF_R ? PROT_READ : 0) | (flags & PF_W ? PROT_WRITE : 0) | (flags & PF_X ? PROT_EXEC : 0);
}

static const ElfW(Phdr) * segment_of(const struct dl_phdr_info *info, uintptr_t address)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_LOAD && address - info->dlpi_addr - segment->p_vaddr < segment->p_memsz)
            return segment;
    }
    return NULL;
}

static bool in_relro(const struct module_view *view, uintptr_t address)
{
    return address >= view->relro_start && address < view->relro_end;
}

static void replace(struct pass *pass, struct module_view *view, uintptr_t address)
{
    _Atomic uintptr_t *slot = (_Atomic uintptr_t *)address;
    guest_assert(address % sizeof *slot == 0);
    uintptr_t before = atomic_load(slot), fresh = other(pass, before);
    if (!fresh)
        return;
    if (in_relro(view, address) && !view->open) {
        size_t size = view->relro_end - view->relro_start;
        view->open = mprotect((void *)view->relro_start, size, PROT_READ | PROT_WRITE) == 0;
        if (!view->open) {
            pass->refused++;
            return;
        }
    }
    /* Unless the loader, binding the call at this moment, has written it first. */
    if (atomic_compare_exchange_strong(slot, &before, fresh))
        pass->changed++;
}

static bool look_at(const struct dl_phdr_info *info, const struct pass *pass, struct module_view *view)
{
    memset(view, 0, sizeof *view);
    view->info = info;
    const ElfW(Dyn) *dynamic = NULL;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        uintptr_t start = info->dlpi_addr + segment->p_vaddr;
        if (segment->p_type == PT_DYNAMIC) {
            dynamic = (const ElfW(Dyn) *)start;
        } else if (segment->p_type == PT_GNU_RELRO) {
            view->relro_start = start & ~pass->page;
            view->relro_end = (start + segment->p_memsz) & ~pass->page;
        }
    }
    for (; dynamic && dynamic->d_tag != DT_NULL; dynamic++) {
        uintptr_t value = dynamic->d_un.d_val;
        uintptr_t pointer = value < info->dlpi_addr ? value + info->dlpi_addr : value;
        if (dynamic->d_tag == DT_RELA)
            view->tables[0] = (const ElfW(Rela) *)pointer;
        else if (dynamic->d_tag == DT_RELASZ)
            view->sizes[0] = value / sizeof(ElfW(Rela));
        else if (dynamic->d_tag == DT_JMPREL)
            view->tables[1] = (const ElfW(Rela) *)pointer;
        else if (dynamic->d_tag == DT_PLTRELSZ)
            view->sizes[1] = value / sizeof(ElfW(Rela));
    }
    return view->tables[0] || view->tables[1];
}

static void patch_slots(struct pass *pass, struct module_view *view)
{
    for (int table = 0; table < 2; table++) {
        const ElfW(Rela) *entry = view->tables[table];
        for (size_t i = 0; entry && i < view->sizes[table]; i++, entry++) {
            uint32_t type = ELF64_R_TYPE(entry->r_info);
            if (!machine_relocates_to_symbol(type))
                continue;
            uintptr_t address = view->info->dlpi_addr + entry->r_offset;
            const ElfW(Phdr) *segment = segment_of(view->info, address);
            if (segment && segment->p_flags & PF_W && address % sizeof(uintptr_t) == 0)
                replace(pass, view, address);
        }
    }
}

/* The loader calls the program's allocator through pointers that no relocation describes. */
static void patch_loader(struct pass *pass, struct module_view *view)
{
    for (int i = 0; i < view->info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &view->info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_W))
            continue;
        uintptr_t at = (view->info->dlpi_addr + segment->p_vaddr + 7) & ~(uintptr_t)7;
        uintptr_t end = view->info->dlpi_addr + segment->p_vaddr + segment->p_memsz;
        for (; at + sizeof at <= end; at += sizeof at)
            replace(pass, view, at);
    }
}

static int patch_module(struct dl_phdr_info *info, size_t size, void *data)
{
    struct pass *pass = data;
    struct module_view view;
    (void)size;
    pass->disturbed = info->dlpi_adds != pass->adds;
    if (pass->disturbed)
        return 1;
    bool loader = info->dlpi_addr == _r_debug.r_ldbase;
    bool self = segment_of(info, (uintptr_t)&patch_module) != NULL;
    if (self || (!look_at(info, pass, &view) && !loader))
        return 0;
    if (loader)
        patch_loader(pass, &view);
    else
        patch_slots(pass, &view);
    if (view.open)
        mprotect((void *)view.relro_start, view.relro_end - view.relro_start, PROT_READ);
    return 0;
}

static int count_adds(struct dl_phdr_info *info, size_t size, void *data)
{
    (void)size;
    *(unsigned long long *)data = info->dlpi_adds;
    return 1;
}

/* Patches the slots of all modules, after making sure that the loader is not still relocating one: it
 * would not expect its pages to be read-only already. dladdr() waits for the lock that dlopen() holds all
 * the time; if no module was added between counting them and that, all are complete. New modules get our
 * hooks from the symbol table. */
static void patch_modules(struct pass *pass)
{
    Dl_info unused;
    do {
        pass->disturbed = false;
        dl_iterate_phdr(count_adds, &pass->adds);
        dladdr((void *)&patch_modules, &unused);
        dl_iterate_phdr(patch_module, pass);
    } while (pass->disturbed);
}

/* ---- the symbol table ----------------------------------------------------------------------------- */

struct symbol_page {
    uintptr_t address;
    int protection; /* 0 = unknown */
};

static int find_page(struct dl_phdr_info *info, size_t size, void *data)
{
    struct symbol_page *page = data;
    (void)size;
    const ElfW(Phdr) *segment = segment_of(info, page->address);
    if (segment)
        page->protection = protection(segment->p_flags);
    return segment != NULL;
}

static void patch_symbol(struct pass *pass, const struct hook *hook)
{
    uintptr_t place = (uintptr_t)&hook->symbol->st_value;
    uintptr_t fresh = (pass->on ? (uintptr_t)hook->ours : hook->address) - hook->bias;
    struct symbol_page page = {place, 0};
    if (hook->symbol->st_value == fresh || !dl_iterate_phdr(find_page, &page))
        return;
    guest_assert(hook->bias + hook->symbol->st_value == (pass->on ? hook->address : (uintptr_t)hook->ours));
    void *start = (void *)(place & ~pass->page);
    size_t size = place + sizeof place - (uintptr_t)start;
    /* Code may be on the same page: it has to stay executable meanwhile. */
    if (mprotect(start, size, page.protection | PROT_READ | PROT_WRITE) != 0) {
        pass->refused++;
        return;
    }
    atomic_store((_Atomic uintptr_t *)place, fresh);
    mprotect(start, size, page.protection);
}

static void patch_stage(struct pass *pass)
{
    for (size_t i = 0; i < HOOKS; i++)
        if (hooks[i].stage == pass->stage && hooks[i].symbol)
            patch_symbol(pass, &hooks[i]);
    patch_modules(pass);
}

int patch_on(uint32_t *slots)
{
    struct pass pass = {.on = true, .page = guest_page_size() - 1};
    for (int stage = 0; stage < STAGES && !pass.refused; stage++) {
        pass.stage = (enum stage)stage;
        patch_stage(&pass);
    }
    *slots += pass.changed;
    if (!pass.refused)
        return 0;
    patch_off();
    return ATTACH_PROTECTED;
}

int patch_off(void)
{
    struct pass pass = {.on = false, .page = guest_page_size() - 1};
    for (int stage = STAGES; stage-- > 0;) {
        pass.stage = (enum stage)stage;
        patch_stage(&pass);
    }
    return (int)pass.refused;
}
