/* deepbind.c - see deepbind.h.
 *
 * Such a library would call the C library's free() directly, while strdup(), which it calls too, calls our malloc(): a
 * block would be recorded but not its free, and look like a leak. So the allocator's symbols are changed to point to
 * our hooks, before the first library is loaded that could look there: whatever is bound or looked up (dlsym()) later
 * comes to us, as for all other libraries. In programs that load nothing, the table is not changed.
 */
#define _GNU_SOURCE
#include "deepbind.h"
#include "exports.h"
#include "loader.h"
#include "map_calls.h"
#include "real.h"

#include <link.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

extern void cfree(void *);

_Atomic bool deepbind_expected;

#define BELOW(name) (void *const *)&real.name

static const struct redirected {
    const char *name;
    void *ours; /* our hook: the library is linked with -Bsymbolic */
    void *const *
        below; /* what our hook calls: redirected only if that is the allocator's module's, too; NULL = anyhow */
} redirected[] = {
    {"malloc", (void *)malloc, NULL},
    {"free", (void *)free, NULL},
    {"calloc", (void *)calloc, NULL},
    {"realloc", (void *)realloc, NULL},
    {"reallocarray", (void *)reallocarray, NULL},
    {"posix_memalign", (void *)posix_memalign, NULL},
    {"aligned_alloc", (void *)aligned_alloc, NULL},
    {"memalign", (void *)memalign, NULL},
    {"valloc", (void *)valloc, NULL},
    {"pvalloc", (void *)pvalloc, NULL},
    {"malloc_usable_size", (void *)malloc_usable_size, NULL},
    {"cfree", (void *)cfree, NULL},
    {"mmap", (void *)map_calls_mmap, BELOW(mmap)},
    {"mmap64", (void *)map_calls_mmap, BELOW(mmap)},
    {"munmap", (void *)map_calls_munmap, BELOW(munmap)},
    {"mremap", (void *)map_calls_mremap, BELOW(mremap)},
    {"brk", (void *)map_calls_brk, BELOW(brk)},
    {"sbrk", (void *)map_calls_sbrk, BELOW(sbrk)},
    {"shmat", (void *)map_calls_shmat, BELOW(shmat)},
    {"shmdt", (void *)map_calls_shmdt, BELOW(shmdt)},
};
#define REDIRECTED (sizeof redirected / sizeof redirected[0])

struct symbol_table {
    uintptr_t bias;
    const ElfW(Sym) * symbol[REDIRECTED]; /* NULL = it has no such symbol */
    uintptr_t start, end;                 /* of those that it has */
    int protection;
};

static int protection_at(const struct dl_phdr_info *info, uintptr_t address)
{
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type == PT_LOAD && address - info->dlpi_addr - segment->p_vaddr < segment->p_memsz)
            return (segment->p_flags & PF_R ? PROT_READ : 0) | (segment->p_flags & PF_W ? PROT_WRITE : 0) |
                   (segment->p_flags & PF_X ? PROT_EXEC : 0);
    }
    return 0;
}

/* Finds the module whose malloc() our hook calls directly: so there is nobody in between whose call could
 * be redirected to us again. */
static int find_allocator(struct dl_phdr_info *info, size_t size, void *data)
{
    struct symbol_table *table = data;
    (void)size;
    if (!protection_at(info, (uintptr_t)real.malloc) ||
        exports_in_module(info, "malloc") != (void *)real.malloc)
        return 0;
    table->bias = info->dlpi_addr;
    table->start = UINTPTR_MAX;
    for (size_t i = 0; i < REDIRECTED; i++) {
        const ElfW(Sym) *symbol = exports_symbol_in_module(info, redirected[i].name);
        if (symbol && redirected[i].below &&
            table->bias + symbol->st_value != (uintptr_t)*redirected[i].below)
            symbol = NULL;
        uintptr_t place = (uintptr_t)symbol;
        table->symbol[i] = symbol;
        if (symbol && place < table->start)
            table->start = place;
        if (symbol && place + sizeof *symbol > table->end)
            table->end = place + sizeof *symbol;
    }
    table->protection = protection_at(info, table->start);
    return 1;
}

/* Others may look up symbols meanwhile: either value is right. */
static void redirect(const struct symbol_table *table)
{
    uintptr_t start = table->start & ~(guest_page_size() - 1);
    size_t size = table->end - start;
    if (mprotect((void *)start, size, table->protection | PROT_WRITE) != 0)
        return;
    for (size_t i = 0; i < REDIRECTED; i++)
        if (table->symbol[i])
            atomic_store((_Atomic uintptr_t *)&table->symbol[i]->st_value,
                         (uintptr_t)redirected[i].ours - table->bias);
    mprotect((void *)start, size, table->protection);
}

__attribute__((noinline)) void deepbind_redirect(void)
{
    struct symbol_table table = {0};
    if (guest_confined || !atomic_exchange(&deepbind_expected, false))
        return;
    int saved = errno;
    if (loader_modules(find_allocator, &table) && table.protection)
        redirect(&table);
    errno = saved;
}
