/* test_patch.c - the allocator calls of a running program are redirected to our hooks and back, whatever kind
 * of reference it has to the allocator, and even if mprotect() fails. Afterwards every word is as before.
 *
 * patch.c is compiled with other names for the hooks (see patch.cmake), because in libtrace.so malloc and the
 * rest mean its own hooks; and with an mprotect() that can be made to fail.
 */
#define _GNU_SOURCE
#include "exports.h"
#include "patch.h"
#include "real.h"
#include "wire_attach.h"

#include <dlfcn.h>
#include <link.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
/* after the headers that it needs */
#include <cmocka.h>

struct real real;

/* ---- stubs for what patch.c calls, and the hooks
 * --------------------------------------------------------- */

static bool no_exports;
static int protect_calls,
    protect_fails_at; /* which call that makes memory writable fails; -n: the n-th and all later ones */

const ElfW(Sym) * test_exports_symbol(const char *name, uintptr_t *bias)
{
    return no_exports ? NULL : exports_symbol(name, bias);
}

int test_mprotect(void *start, size_t size, int protection)
{
    if (protection & PROT_WRITE) {
        protect_calls++;
        if (protect_calls == protect_fails_at || (protect_fails_at < 0 && protect_calls >= -protect_fails_at))
            return -1;
    }
    return mprotect(start, size, protection);
}

static _Atomic unsigned allocated, freed;
static __thread unsigned hooked_allocations, hooked_frees;

void *hook_malloc(size_t size)
{
    allocated++;
    hooked_allocations++;
    return real.malloc(size);
}

void hook_free(void *block)
{
    freed++;
    hooked_frees++;
    real.free(block);
}

void *hook_valloc(size_t size)
{
    allocated++;
    return real.valloc(size);
}

#define PASS_ON(result, name, parameters, arguments) \
    result hook_##name parameters                    \
    {                                                \
        return real.name arguments;                  \
    }
PASS_ON(void *, calloc, (size_t a, size_t b), (a, b))
PASS_ON(void *, realloc, (void *block, size_t size), (block, size))
PASS_ON(int, posix_memalign, (void **block, size_t a, size_t size), (block, a, size))
PASS_ON(void *, aligned_alloc, (size_t a, size_t size), (a, size))
PASS_ON(void *, memalign, (size_t a, size_t size), (a, size))
PASS_ON(void *, pvalloc, (size_t size), (size))
PASS_ON(size_t, malloc_usable_size, (void *block), (block))
PASS_ON(void, _exit, (int status), (status))
PASS_ON(void, quick_exit, (int status), (status))

void *hook_reallocarray(void *block, size_t a, size_t b)
{
    return real.realloc(block, a * b);
}

void hook_cfree(void *block)
{
    hook_free(block);
}

void hook_free_sized(void *block, size_t size)
{
    (void)size;
    hook_free(block);
}

void hook_free_aligned_sized(void *block, size_t alignment, size_t size)
{
    (void)alignment, (void)size;
    hook_free(block);
}

void hook__Exit(int status)
{
    real._exit(status);
}

/* ---- the state before
 * ------------------------------------------------------------------------------------ */

#define WORDS_MOST 4096

/* Pointers to the allocator in all modules except this program, and the protection of their memory. */
struct places {
    size_t count;
    struct place {
        uintptr_t address, value;
    } all[WORDS_MOST];
    char *maps;
};

static uintptr_t of_allocator[8];
static size_t of_allocator_count;

static bool is_hook(uintptr_t value)
{
    return value == (uintptr_t)hook_malloc || value == (uintptr_t)hook_free ||
           value == (uintptr_t)hook_valloc;
}

static int look_at_module(struct dl_phdr_info *info, size_t size, void *data)
{
    struct places *places = data;
    (void)size;
    if (!*info->dlpi_name)
        return 0;
    for (int i = 0; i < info->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &info->dlpi_phdr[i];
        if (segment->p_type != PT_LOAD || !(segment->p_flags & PF_W))
            continue;
        uintptr_t at = (info->dlpi_addr + segment->p_vaddr + 7) & ~(uintptr_t)7;
        for (; at + 8 <= info->dlpi_addr + segment->p_vaddr + segment->p_memsz; at += 8) {
            uintptr_t value = *(volatile uintptr_t *)at;
            bool found = is_hook(value);
            for (size_t k = 0; k < of_allocator_count; k++)
                found |= value == of_allocator[k];
            if (found && places->count < WORDS_MOST)
                places->all[places->count++] = (struct place){at, value};
        }
    }
    return 0;
}

/* Mappings of files. Memory that was written to may stay a mapping of its own: neighbours are joined
 * again. */
static char *maps_of_files(void)
{
    char *line = NULL, *all = NULL, rights[8], name[4096], last_rights[8] = "", last_name[4096] = "";
    size_t size = 0, length = 0;
    unsigned long start, end, last_end = 0;
    FILE *maps = fopen("/proc/self/maps", "re"), *out = open_memstream(&all, &length);
    while (getline(&line, &size, maps) > 0) {
        if (sscanf(line, "%lx-%lx %7s %*s %*s %*s %4095s", &start, &end, rights, name) != 4 || *name != '/')
            continue;
        if (start != last_end || strcmp(rights, last_rights) != 0 || strcmp(name, last_name) != 0)
            fprintf(out, "-%lx\n%lx %s %s ", last_end, start, rights, name);
        last_end = end;
        strcpy(last_rights, rights);
        strcpy(last_name, name);
    }
    free(line);
    fclose(maps);
    fclose(out);
    return all;
}

static void look(struct places *places)
{
    memset(places, 0, sizeof *places);
    dl_iterate_phdr(look_at_module, places);
    places->maps = maps_of_files();
}

static struct places before, now;

static void assert_as_before(void)
{
    look(&now);
    assert_int_equal(now.count, before.count);
    assert_memory_equal(now.all, before.all, before.count * sizeof *before.all);
    assert_string_equal(now.maps, before.maps);
    free(now.maps);
    for (size_t i = 0; i < of_allocator_count; i++) /* pointers that modules loaded later get */
        assert_int_equal((uintptr_t)dlsym(RTLD_NEXT, i == 0   ? "malloc"
                                                     : i == 1 ? "free"
                                                              : "valloc"),
                         of_allocator[i]);
}

/* ---- the libraries ------------------------------------------------------------------------------------------ */

struct library {
    void *handle;
    void *(*call)(size_t);
    void (*free)(void *);
    void *(*by_pointer)(size_t);
    void *(*by_constant)(size_t, int);
};

/* the first is bound lazily, the second at once and with read-only pointers */
static struct library libraries[2];

static struct library open_library(const char *path)
{
    struct library library = {.handle = dlopen(path, RTLD_LAZY | RTLD_LOCAL)};
    assert_non_null(library.handle);
    *(void **)&library.call = dlsym(library.handle, "library_call");
    *(void **)&library.free = dlsym(library.handle, "library_free");
    *(void **)&library.by_pointer = dlsym(library.handle, "library_by_pointer");
    *(void **)&library.by_constant = dlsym(library.handle, "library_by_constant");
    return library;
}

/* How many of eight calls reach our hooks. */
static unsigned hooked(const struct library *library)
{
    unsigned count = allocated + freed;
    void *blocks[] = {library->call(10), library->by_pointer(20), library->by_constant(30, 0),
                      library->by_constant(40, 1)};
    for (size_t i = 0; i < 4; i++)
        library->free(blocks[i]);
    return allocated + freed - count;
}

static int begin(void **unused)
{
    static const char *const names[] = {"malloc", "free", "valloc"};
    (void)unused;
    libraries[0] = open_library(LIBRARY_LATE);
    libraries[1] = open_library(LIBRARY_AT_ONCE);
    for (size_t i = 0; i < 3; i++)
        of_allocator[of_allocator_count++] = (uintptr_t)dlsym(RTLD_NEXT, names[i]);
    hooked(&libraries[0]); /* binds its symbols */
    hooked(&libraries[1]);
    free(maps_of_files()); /* binds what the C library binds lazily */
    look(&before);
    return before.count < 10;
}

/* ---- tests ---------------------------------------------------------------------------------------------- */

static void no_malloc(void **unused)
{
    (void)unused;
    no_exports = true;
    assert_int_equal(patch_find(), ATTACH_NO_MALLOC);
    no_exports = false;
    assert_int_equal(patch_find(), 0);
    assert_int_equal((uintptr_t)real.malloc, of_allocator[0]);
    assert_int_equal((uintptr_t)real.free, of_allocator[1]);
}

static void on_and_off(void **unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        uint32_t slots = 0;
        for (int k = 0; k < 2; k++)
            assert_int_equal(hooked(&libraries[k]), 0);
        assert_int_equal(patch_on(&slots), 0);
        look(&now);
        free(now.maps);
        assert_int_equal(now.count, before.count); /* each of the pointers is ours */
        for (size_t k = 0; k < now.count; k++)
            assert_true(is_hook(now.all[k].value));
        assert_true(slots >= before.count);
        for (int k = 0; k < 2; k++)
            assert_int_equal(hooked(&libraries[k]), 8);
        assert_int_equal(patch_off(), 0);
        assert_as_before();
    }
}

/* A module that is loaded while we are active gets our hooks from the symbol tables; its pointers are
 * restored as well. */
static void a_module_that_comes(void **unused)
{
    uint32_t slots = 0;
    (void)unused;
    dlclose(libraries[0].handle);
    assert_int_equal(patch_on(&slots), 0);
    unsigned count = allocated;
    libraries[0] = open_library(LIBRARY_LATE);
    assert_true(allocated > count); /* the loader's own calls */
    assert_int_equal(hooked(&libraries[0]), 8);
    assert_ptr_equal(dlsym(RTLD_NEXT, "malloc"), hook_malloc);
    assert_int_equal(patch_off(), 0);
    assert_int_equal(hooked(&libraries[0]), 0);
    look(&now);
    free(now.maps);
    for (size_t k = 0; k < now.count; k++)
        assert_false(is_hook(now.all[k].value));
    free(before.maps);
    look(&before); /* it may have another address now */
}

/* The n-th attempt to make memory writable fails, for each n: nothing may be left of the attempt. */
static void what_is_forbidden_once(void **unused)
{
    int n = 0, result;
    (void)unused;
    do {
        uint32_t slots = 0;
        protect_calls = 0;
        protect_fails_at = ++n;
        result = patch_on(&slots);
        bool failed = protect_calls >= n;
        protect_fails_at = 0;
        assert_int_equal(result, failed ? ATTACH_PROTECTED : 0);
        if (failed)
            assert_as_before();
    } while (result != 0);
    assert_true(n > 10);
    assert_int_equal(patch_off(), 0);
    assert_as_before();
}

/* All attempts from the n-th on fail: pointers that could not be restored are counted, lead through
 * working hooks, and are restored once that is possible. */
static void what_is_forbidden_from_then_on(void **unused)
{
    (void)unused;
    for (int n = 2; n < 40; n += 3) {
        uint32_t slots = 0;
        protect_calls = 0;
        protect_fails_at = -n;
        int result = patch_on(&slots);
        if (result == 0)
            break;
        assert_int_equal(result, ATTACH_PROTECTED);
        assert_true(patch_off() > 0);
        for (int k = 0; k < 2; k++)
            assert_true(hooked(&libraries[k]) <= 8);
        protect_fails_at = 0;
        assert_int_equal(patch_off(), 0);
        assert_as_before();
    }
    protect_fails_at = 0;
}

/* ---- while other threads allocate
 * ------------------------------------------------------------------------ */

static _Atomic unsigned turn; /* odd: calls are, or are being, redirected */
static _Atomic bool over;
static _Atomic unsigned half; /* blocks that our malloc has seen and our free has not */

static void *allocate(void *data)
{
    const struct library *library = data;
    while (!over) {
        unsigned from = turn;
        hooked_allocations = hooked_frees = 0;
        void *block = library->call(24);
        unsigned known = hooked_allocations;
        library->free(block);
        if (from % 2 && from == turn && known && !hooked_frees)
            half++;
    }
    return NULL;
}

static void *load(void *unused)
{
    while (!over)
        dlclose(dlopen(LIBRARY_AGAIN, RTLD_NOW | RTLD_LOCAL));
    return unused;
}

/* Calls of free are redirected before those of malloc, so the end of every known block is seen. */
static void while_others_allocate(void **unused)
{
    pthread_t threads[3];
    (void)unused;
    pthread_create(&threads[0], NULL, allocate, &libraries[0]);
    pthread_create(&threads[1], NULL, allocate, &libraries[1]);
    pthread_create(&threads[2], NULL, load, NULL);
    for (int i = 0; i < 60; i++) {
        uint32_t slots = 0;
        turn++;
        assert_int_equal(patch_on(&slots), 0);
        turn++;
        assert_int_equal(patch_off(), 0);
    }
    over = true;
    for (size_t i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(half, 0);
    assert_as_before();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_malloc),
        cmocka_unit_test(on_and_off),
        cmocka_unit_test(a_module_that_comes),
        cmocka_unit_test(what_is_forbidden_once),
        cmocka_unit_test(what_is_forbidden_from_then_on),
        cmocka_unit_test(while_others_allocate),
    };
    return cmocka_run_group_tests(tests, begin, NULL);
}
