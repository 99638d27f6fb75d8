/* sanitized.c - see sanitized.h.
 *
 * The runtimes start as constructors of the program, or before; an indirect function's resolver runs even earlier,
 * while the loader relocates us. Little works at that time: no call may leave the library, not even one of memcpy()
 * that the compiler inserts.
 */
#ifndef __clang__ /* which -fno-builtin is enough for */
#pragma GCC optimize("no-tree-loop-distribute-patterns")
#endif
#define _GNU_SOURCE
#include "sanitized.h"
#include "guest.h"
#include "system_call.h"
#include "wire.h"

#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

extern HIDDEN ElfW(Dyn) _DYNAMIC[];
extern void *__libc_stack_end; /* ld.so's: where the kernel has put argc, arguments, environment and more */

/* A symbol that each runtime exports, from the program itself if it is linked statically. */
static const struct runtime {
    char symbol[16], name[24];
} runtimes[] = {
    {"__asan_init", "AddressSanitizer"}, {"__hwasan_init", "HWAddressSanitizer"},
    {"__tsan_init", "ThreadSanitizer"},  {"__msan_init", "MemorySanitizer"},
    {"__lsan_init", "LeakSanitizer"},
};

/* ---- text ---------------------------------------------------------------------------------------- */

static size_t length_of(const char *text)
{
    size_t length = 0;
    while (text[length])
        length++;
    return length;
}

static bool begins_with(const char *text, const char *start)
{
    while (*start && *text == *start) {
        text++;
        start++;
    }
    return !*start;
}

static bool same(const char *text, size_t size, const char *other)
{
    size_t i = 0;
    while (i < size && other[i] && text[i] == other[i])
        i++;
    return i == size && !other[i];
}

/* Where the last component of a path begins. */
static size_t name_in(const char *path, size_t size)
{
    while (size && path[size - 1] != '/')
        size--;
    return size;
}

/* ---- the modules --------------------------------------------------------------------------------- */

/* What is in a GNU hash table: buckets, first symbol, words of the Bloom filter, shift; the filter, the
 * buckets, the chains. As exports.c has it, which calls the C library. */
struct table {
    const uint32_t *hash;
    const ElfW(Sym) * symbols;
    const char *strings;
};

/* The loader has relocated these pointers in place, but for the vDSO's. */
static struct table table_of(const struct link_map *module)
{
    struct table table = {NULL, NULL, NULL};
    for (const ElfW(Dyn) *entry = module->l_ld; entry && entry->d_tag != DT_NULL; entry++) {
        uintptr_t at =
            entry->d_un.d_ptr < module->l_addr ? entry->d_un.d_ptr + module->l_addr : entry->d_un.d_ptr;
        if (entry->d_tag == DT_GNU_HASH)
            table.hash = (const uint32_t *)at;
        else if (entry->d_tag == DT_SYMTAB)
            table.symbols = (const ElfW(Sym) *)at;
        else if (entry->d_tag == DT_STRTAB)
            table.strings = (const char *)at;
    }
    return table;
}

static bool defines(const struct table *table, const char *name)
{
    uint32_t hash = 5381;
    for (const char *at = name; *at; at++)
        hash = hash * 33 + (unsigned char)*at;
    uint32_t buckets = table->hash[0], first = table->hash[1], words = table->hash[2];
    const uint64_t *filter = (const uint64_t *)(table->hash + 4);
    const uint32_t *bucket = (const uint32_t *)(filter + words), *chain = bucket + buckets;
    uint64_t mask = 1ull << hash % 64 | 1ull << (hash >> table->hash[3]) % 64;
    if (!buckets || !words || (filter[hash / 64 % words] & mask) != mask)
        return false;
    for (uint32_t i = bucket[hash % buckets]; i >= first && i; i++) {
        const ElfW(Sym) *symbol = &table->symbols[i];
        const char *found = table->strings + symbol->st_name;
        if ((chain[i - first] | 1) == (hash | 1) && symbol->st_shndx != SHN_UNDEF &&
            same(name, length_of(name), found))
            return true;
        if (chain[i - first] & 1)
            return false;
    }
    return false;
}

/* Our name in the loader's list, if we were loaded at the program's start; else NULL. What is loaded at
 * the start comes before the loader itself in that list. */
static const char *loaded_at_start(void)
{
    for (const struct link_map *module = _r_debug.r_map; module; module = module->l_next) {
        if (module->l_ld == _DYNAMIC)
            return module->l_name;
        if (module->l_addr == _r_debug.r_ldbase)
            return NULL;
    }
    return NULL;
}

/* A runtime that gcc links statically exports none of its own names, but refers to this one, which a
 * program may define. So does UndefinedBehaviorSanitizer, which has no allocator. Undefined symbols come
 * first, and are in no hash table.
 */
static bool has_nameless_runtime(const struct table *table)
{
    static const char asked[] = "__sanitizer_symbolize_code";
    for (uint32_t i = 1; i < table->hash[1]; i++)
        if (same(asked, sizeof asked - 1, table->strings + table->symbols[i].st_name))
            return defines(table, "malloc");
    return false;
}

static const struct runtime *find_runtime(void)
{
    static const struct runtime nameless = {"", "a sanitizer"};
    for (const struct link_map *module = _r_debug.r_map; module; module = module->l_next) {
        struct table table = table_of(module);
        for (size_t i = 0; i < sizeof runtimes / sizeof runtimes[0]; i++)
            if (table.hash && table.symbols && table.strings && defines(&table, runtimes[i].symbol))
                return &runtimes[i];
        bool program = module == _r_debug.r_map;
        if (program && table.hash && table.symbols && table.strings && has_nameless_runtime(&table))
            return &nameless;
    }
    return NULL;
}

/* ---- what the program was started with ------------------------------------------------------------ */

struct start {
    char **arguments, **environment;
    size_t count;         /* of the environment */
    const char *executed; /* AT_EXECFN */
    bool by_loader;       /* the loader was given the program as an argument */
};

static struct start find_start(void)
{
    char **words = __libc_stack_end;
    struct start start = {.arguments = words + 1, .by_loader = true};
    start.environment = start.arguments + (uintptr_t)words[0] + 1;
    while (start.environment[start.count])
        start.count++;
    for (const ElfW(auxv_t) *entry = (const void *)(start.environment + start.count + 1);
         entry->a_type != AT_NULL; entry++) {
        if (entry->a_type == AT_EXECFN)
            start.executed = (const char *)entry->a_un.a_val;
        else if (entry->a_type == AT_BASE && entry->a_un.a_val)
            start.by_loader = false;
    }
    return start;
}

static const char *variable(const struct start *start, const char *name)
{
    size_t size = length_of(name);
    for (size_t i = 0; i < start->count; i++)
        if (begins_with(start->environment[i], name) && start->environment[i][size] == '=')
            return start->environment[i] + size + 1;
    return NULL;
}

/* ---- the line that is said ------------------------------------------------------------------------ */

/* False if a process of this run has printed something already, or this must not be a run. Notes in the
 * run that this process is missing. */
static bool first_to_say(const struct start *start)
{
    const char *session = variable(start, WIRE_SESSION_VARIABLE);
    char path[64], *end = path + sizeof path;
    if (!session || !*session || *session == WIRE_SESSION_ROOM)
        return true;
    const char *at;
    uint64_t pid = guest_number(session, &at), number = *at == ':' ? guest_number(at + 1, &at) : 0;
    uint64_t cookie = *at == ':' ? guest_number(at + 1, &at) : 0;
    char *text = guest_format_number(guest_format(path, end, "/proc/"), end, pid);
    guest_format_number(guest_format(text, end, "/fd/"), end, number);
    long file = system_call(SYS_open, (long)path, O_RDWR | O_CLOEXEC | O_NOCTTY | O_NONBLOCK, 0, 0, 0, 0);
    if (file < 0)
        return false;
    /* Map it only if there is a page: a file that is no arena must not be written to. */
    struct stat facts = {0};
    struct wire_arena *header = (void *)-1;
    const size_t size = 4096;
    _Static_assert(offsetof(struct wire_arena, said) < 4096 && offsetof(struct wire_arena, untraced) < 4096,
                   "it is in the first page");
    if (system_call(SYS_fstat, file, (long)&facts, 0, 0, 0, 0) == 0 && facts.st_size >= (off_t)size &&
        system_call(SYS_fcntl, file, F_GET_SEALS, 0, 0, 0, 0) == (F_SEAL_SHRINK | F_SEAL_GROW))
        header = (void *)system_call(SYS_mmap, 0, size, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    system_call(SYS_close, file, 0, 0, 0, 0, 0);
    if (system_call_failed((long)header))
        return false;
    bool same = header->magic == WIRE_MAGIC && header->version == WIRE_VERSION && header->cookie == cookie;
    if (same)
        atomic_fetch_add(&header->untraced, 1);
    bool first = same && !atomic_exchange(&header->said, 1);
    system_call(SYS_munmap, (long)header, size, 0, 0, 0, 0);
    return first;
}

static void say(const struct runtime *runtime)
{
    static const char before
        [] = "libtrace: the program is built with ",
  after[] =
        ", which has an allocator of its own; it runs untraced: build it without -fsanitize to trace it\n";
    const struct iovec parts[] = {{(char *)before, sizeof before - 1},
                                  {(char *)runtime->name, length_of(runtime->name)},
                                  {(char *)after, sizeof after - 1}};
    system_call(SYS_writev, 2, (long)parts, 3, 0, 0, 0);
}

/* ---- once more, without us ------------------------------------------------------------------------- */

/* Copies the list of libraries without ours, which may have been named without a path; returns how many
 * are left, -1 if ours was not in it. */
static int leave_out(const char *list, const char *ours, char *out)
{
    int left = 0;
    bool found = false;
    const char *name = ours + name_in(ours, length_of(ours));
    while (*list) {
        size_t size = 0;
        while (list[size] && list[size] != ':' && list[size] != ' ')
            size++;
        size_t last = name_in(list, size);
        if (same(list + last, size - last, name)) {
            found = true;
        } else if (size) {
            if (left++)
                *out++ = ':';
            for (size_t i = 0; i < size; i++)
                *out++ = list[i];
        }
        list += size + (list[size] != '\0');
    }
    *out = '\0';
    return found ? left : -1;
}

/* Uses the path with which it was executed, as it names the process; if that leads elsewhere by now, the
 * kernel's link. */
static void execute(const struct start *start, char **environment)
{
    static const char self[] = "/proc/self/exe";
    struct stat one = {0}, other = {0};
    const char *path = start->executed;
    if (!path || system_call(SYS_stat, (long)path, (long)&one, 0, 0, 0, 0) != 0 ||
        system_call(SYS_stat, (long)self, (long)&other, 0, 0, 0, 0) != 0 || one.st_dev != other.st_dev ||
        one.st_ino != other.st_ino)
        path = self;
    system_call(SYS_execve, (long)path, (long)start->arguments, (long)environment, 0, 0, 0);
}

/* Returns if it cannot be done. */
static void execute_without(const struct start *start, const char *ours)
{
    static const char preload[] = "LD_PRELOAD=";
    const char *list = variable(start, "LD_PRELOAD");
    if (!list || start->by_loader)
        return;
    size_t pointers = (start->count + 1) * sizeof(char *), size = pointers + sizeof preload + length_of(list);
    char **environment = (void *)system_call(SYS_mmap, 0, (long)size, PROT_READ | PROT_WRITE,
                                             MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (system_call_failed((long)environment))
        return;
    char *text = (char *)environment + pointers;
    int left = leave_out(list, ours, guest_format(text, text + sizeof preload, preload));
    size_t used = 0;
    for (size_t i = 0; i < start->count; i++) {
        if (!begins_with(start->environment[i], preload))
            environment[used++] = start->environment[i];
        else if (left > 0)
            environment[used++] = text;
    }
    if (left >= 0)
        execute(start, environment);
    system_call(SYS_munmap, (long)environment, (long)size, 0, 0, 0, 0);
}

/* ---- the resolver ----------------------------------------------------------------------------------- */

static bool answer_yes(void)
{
    return true;
}

static bool answer_no(void)
{
    return false;
}

static __attribute__((used)) bool (*look(void))(void)
{
    const char *ours = loaded_at_start();
    const struct runtime *runtime = ours ? find_runtime() : NULL;
    if (!runtime)
        return answer_no;
    struct start start = find_start();
    if (first_to_say(&start))
        say(runtime);
    execute_without(&start, ours);
    return answer_yes;
}

HIDDEN bool look_early(void) __attribute__((ifunc("look")));

bool sanitized(void)
{
    return look_early();
}
