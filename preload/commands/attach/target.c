/* target.c - see target.h. */
#include "target.h"
#include "frame.h"
#include "mapped_image.h"
#include "proc.h"
#include "refusal.h"
#include "regular_file.h"
#include "wire_attach.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

/* ---- symbols ------------------------------------------------------------------------------------------- */

struct wanted {
    const char *name;
    uintptr_t value;
};

static bool is_wanted(const GElf_Sym *symbol, const char *name, void *data)
{
    struct wanted *wanted = data;
    if (strcmp(name, wanted->name) == 0)
        wanted->value = symbol->st_value;
    return wanted->value != 0;
}

static uintptr_t symbol_in(struct image *image, uintptr_t bias, const char *name)
{
    struct wanted wanted = {name, 0};
    image_symbols(image, is_wanted, &wanted);
    return wanted.value ? bias + wanted.value : 0;
}

uintptr_t target_symbol(const char *file, uintptr_t bias, const char *name)
{
    struct image image;
    uintptr_t found = 0;
    if (image_open(&image, open(file, O_RDONLY | O_CLOEXEC)))
        found = symbol_in(&image, bias, name);
    image_close(&image);
    return found;
}

/* ---- what is loaded ------------------------------------------------------------------------------- */

static const char *base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

static struct loaded *file_of(struct target *target, const char *path, ino_t inode)
{
    for (size_t i = 0; i < target->file_count; i++)
        if (target->files[i].inode == inode && strcmp(target->files[i].path, path) == 0)
            return &target->files[i];
    struct loaded *more = reallocarray(target->files, target->file_count + 1, sizeof *more);
    char *copy = strdup(path);
    if (!more || !copy) {
        free(copy);
        return NULL;
    }
    target->files = more;
    more[target->file_count] = (struct loaded){.path = copy, .inode = inode, .start = UINTPTR_MAX};
    return &more[target->file_count++];
}

/* Removes the ending from a text that has it. */
static bool cut_end(char *text, const char *end)
{
    size_t size = strlen(text), cut = strlen(end);
    bool found = size > cut && strcmp(text + size - cut, end) == 0;
    if (found)
        text[size - cut] = '\0';
    return found;
}

static bool read_maps(struct target *target)
{
    char name[64], *line = NULL;
    size_t size = 0;
    snprintf(name, sizeof name, "/proc/%d/maps", (int)target->pid);
    FILE *maps = fopen(name, "re");
    if (!maps)
        return false;
    while (getline(&line, &size, maps) > 0) {
        unsigned long start, end, inode;
        char rights[8];
        int path = 0;
        line[strcspn(line, "\n")] = '\0';
        if (sscanf(line, "%lx-%lx %7s %*s %*s %lu %n", &start, &end, rights, &inode, &path) < 4 || !path)
            continue;
        if (strcmp(line + path, "[stack]") == 0)
            target->stack = (struct range){start, end};
        if (line[path] != '/')
            continue;
        bool deleted = cut_end(line + path, " (deleted)");
        struct loaded *file = file_of(target, line + path, inode);
        if (!file)
            continue;
        if (start < file->start)
            file->first = (struct range){start, end};
        file->start = start < file->start ? start : file->start;
        file->end = end > file->end ? end : file->end;
        file->executable |= rights[2] == 'x';
        file->deleted |= deleted;
    }
    free(line);
    fclose(maps);
    return true;
}

/* ---- files of the program ------------------------------------------------------------------------------ */

#define PAGE 4096

/* True if the file has the program's first page of it: that has its build ID. */
static bool has_first_page(const struct target *target, const struct loaded *loaded, int file)
{
    char here[PAGE], there[PAGE];
    return pread(file, here, sizeof here, 0) == (ssize_t)sizeof here &&
           target_read(target, loaded->start, there, sizeof there) && memcmp(here, there, sizeof here) == 0;
}

/* After a chroot() the kernel names files with the way to that root, which we see; of a root that is not among our files, as a
 * container's, it tells the path from there. */
static int open_by_path(const struct target *target, const struct loaded *loaded)
{
    char link[64], root[PATH_MAX];
    snprintf(link, sizeof link, "/proc/%d/root", (int)target->pid);
    ssize_t size = readlink(link, root, sizeof root - 1);
    size_t length = size > 1 ? (size_t)size : 0; /* "/" is nothing before it */
    bool under = strncmp(loaded->path, root, length) == 0 && loaded->path[length] == '/';
    int directory = open(link, O_PATH | O_DIRECTORY | O_CLOEXEC);
    int file = directory < 0 ? -1 : regular_file_open(directory, loaded->path + (under ? length : 0));
    if (directory >= 0)
        close(directory);
    if (file >= 0 && !has_first_page(target, loaded, file)) { /* another one is there now */
        close(file);
        return -1;
    }
    return file;
}

/* The kernel gives root the file that is mapped, whatever is at its path; others have to look for it there. */
static int open_file(const struct target *target, const struct loaded *loaded)
{
    char path[96];
    snprintf(path, sizeof path, "/proc/%d/map_files/%lx-%lx", (int)target->pid, loaded->first.start,
             loaded->first.end);
    int file = regular_file_open(-1, path);
    return file >= 0 ? file : open_by_path(target, loaded);
}

static bool open_loaded(const struct target *target, const struct loaded *file, struct image *image)
{
    return image_open(image, open_file(target, file));
}

/* ---- code in which a thread must not be interrupted --------------------------------------------------- */

static void add_unsafe(struct target *target, uintptr_t start, uintptr_t end)
{
    struct range *more = reallocarray(target->unsafe, target->unsafe_count + 1, sizeof *more);
    if (!more)
        return;
    target->unsafe = more;
    more[target->unsafe_count++] = (struct range){start, end};
}

enum locks { LOCKS_NONE, LOCKS_OWN, LOCKS_AROUND };

static bool is_among(const char *name, const char *const *names)
{
    for (; *names; names++)
        if (strcmp(*names, name) == 0)
            return true;
    return false;
}

/* Functions in which locks are held that loading a library needs as well. AROUND: as well as the unnamed
 * functions around it, which it jumps to; the others remain on the stack while functions that they call
 * run. */
static enum locks holds_locks(const char *name)
{
    static const char *const allocator[] = {"malloc",         "free",
                                            "calloc",         "realloc",
                                            "memalign",       "aligned_alloc",
                                            "posix_memalign", "valloc",
                                            "pvalloc",        "cfree",
                                            "mallopt",        "malloc_usable_size",
                                            "malloc_trim",    "malloc_info",
                                            "mallinfo",       "mallinfo2",
                                            "__libc_malloc",  "malloc_stats",
                                            "__libc_free",    "__libc_calloc",
                                            "__libc_realloc", "__libc_memalign",
                                            "__libc_valloc",  "__libc_pvalloc",
                                            "__libc_mallopt", NULL};
    static const char *const others[] = {"fork",
                                         "vfork",
                                         "_Fork",
                                         "__libc_fork",
                                         "pthread_create",
                                         "pthread_exit",
                                         "pthread_join",
                                         "pthread_atfork",
                                         "dlopen",
                                         "dlclose",
                                         "dlsym",
                                         "dladdr",
                                         "dl_iterate_phdr",
                                         "exit",
                                         "quick_exit",
                                         "_exit",
                                         "setenv",
                                         "putenv",
                                         "unsetenv",
                                         "clearenv",
                                         "Py_AddPendingCall",
                                         "Py_MakePendingCalls",
                                         NULL};
    return is_among(name, allocator) ? LOCKS_AROUND : is_among(name, others) ? LOCKS_OWN : LOCKS_NONE;
}

struct function {
    uintptr_t start, end;
    enum locks locks;
};

struct functions {
    struct function *all;
    size_t count;
    bool allocator; /* it defines malloc */
};

static bool add_function(const GElf_Sym *symbol, const char *name, void *data)
{
    struct functions *functions = data;
    if (GELF_ST_TYPE(symbol->st_info) != STT_FUNC && GELF_ST_TYPE(symbol->st_info) != STT_GNU_IFUNC)
        return false;
    struct function *more = reallocarray(functions->all, functions->count + 1, sizeof *more);
    if (!more)
        return true;
    functions->all = more;
    more[functions->count++] =
        (struct function){symbol->st_value, symbol->st_value + symbol->st_size, holds_locks(name)};
    functions->allocator |= strcmp(name, "malloc") == 0;
    return false;
}

static int by_start(const void *a, const void *b)
{
    const struct function *left = a, *right = b;
    return left->start < right->start ? -1 : left->start > right->start;
}

/* Code between a function and its exported neighbours belongs to it. */
static void add_functions(struct target *target, const struct loaded *file, struct functions *functions)
{
    qsort(functions->all, functions->count, sizeof *functions->all, by_start);
    uintptr_t before = 0; /* end of the last function that is not the allocator's */
    for (size_t i = 0; i < functions->count; i++) {
        const struct function *function = &functions->all[i];
        uintptr_t start = function->start, end = function->end;
        if (function->locks == LOCKS_AROUND) {
            size_t after = i + 1;
            while (after < functions->count && functions->all[after].locks == LOCKS_AROUND)
                after++;
            end = after < functions->count ? functions->all[after].start : end;
            start = before && before < start ? before : start;
        } else {
            before = end > before ? end : before;
        }
        if (function->locks)
            add_unsafe(target, file->bias + start, file->bias + end);
    }
}

static void find_unsafe(struct target *target, const struct loaded *file)
{
    struct image image;
    struct functions functions = {0};
    if (file == target->loader || file == target->library) {
        add_unsafe(target, file->start, file->end);
        return;
    }
    if (open_loaded(target, file, &image))
        image_symbols(&image, add_function, &functions);
    image_close(&image);
    /* For an allocator other than libc's, the whole library is unsafe. The program's own file may contain
     * one, too. */
    bool other = functions.allocator && file != target->libc, library = strstr(base_name(file->path), ".so");
    if (other && library)
        add_unsafe(target, file->start, file->end);
    else
        add_functions(target, file, &functions);
    target->own_allocator |= other && !library;
    free(functions.all);
}

bool target_unsafe(const struct target *target, uintptr_t address)
{
    for (size_t i = 0; i < target->unsafe_count; i++)
        if (address >= target->unsafe[i].start && address < target->unsafe[i].end)
            return true;
    return false;
}

static bool inside(const struct loaded *file, uintptr_t address)
{
    return file && address >= file->start && address < file->end;
}

bool target_is_system(const struct target *target, uintptr_t address)
{
    return inside(target->libc, address) || inside(target->loader, address);
}

/* ---- stacks ----------------------------------------------------------------------------------------- */

bool target_read(const struct target *target, uintptr_t from, void *to, size_t size)
{
    struct iovec here = {to, size}, there = {(void *)from, size};
    return process_vm_readv(target->pid, &here, 1, &there, 1, 0) == (ssize_t)size;
}

/* It grows as it is used, so its limit counts. */
static uintptr_t main_stack_end(const struct target *target, uintptr_t stack)
{
    struct rlimit limit;
    uintptr_t low = target->stack.start, high = target->stack.end;
    if (prlimit(target->pid, RLIMIT_STACK, NULL, &limit) == 0 && limit.rlim_cur < high)
        low = high - limit.rlim_cur;
    return stack >= low && stack < high ? low : 0;
}

#define STACK_MOST (1ull << 40) /* bytes: larger values are addresses */
#define NOTES_WORDS 512         /* of a struct pthread: more than any version of glibc has */
#define NOTES_PARTS 16          /* read one by one, as the last ones may not exist */

static size_t read_notes(const struct target *target, uintptr_t from, uint64_t words[NOTES_WORDS])
{
    const size_t size = NOTES_WORDS / NOTES_PARTS * sizeof *words;
    struct iovec here = {words, NOTES_PARTS * size}, there[NOTES_PARTS];
    for (size_t i = 0; i < NOTES_PARTS; i++)
        there[i] = (struct iovec){(void *)(from + i * size), size};
    ssize_t got = process_vm_readv(target->pid, &here, 1, there, NOTES_PARTS, 0);
    return got > 0 ? (size_t)got / sizeof *words : 0;
}

/* The C library stores its data of a thread (struct pthread) at the upper end of the thread's stack. It
 * contains the stack's address, its size, and the size of the guard at its low end, one after the other,
 * at a place that differs between versions. */
static uintptr_t thread_stack_end(const struct target *target, uintptr_t stack, uintptr_t notes)
{
    uint64_t words[NOTES_WORDS];
    size_t count = stack < notes ? read_notes(target, notes, words) : 0;
    for (size_t i = 0; i + 2 < count; i++) {
        uint64_t start = words[i], size = words[i + 1], guard = words[i + 2];
        if (start && start < stack && size < STACK_MOST && size > notes - start &&
            size - (notes - start) <= sizeof words && guard < stack - start)
            return start + guard;
    }
    return 0;
}

uintptr_t target_stack_end(const struct target *target, pid_t tid, uintptr_t stack, uintptr_t descriptor)
{
    return tid == target->pid ? main_stack_end(target, stack) : thread_stack_end(target, stack, descriptor);
}

/* ---- opening ---------------------------------------------------------------------------------------- */

static void find_code(struct target *target, struct image *image)
{
    uintptr_t restore = image_code(image, FRAME_RESTORE_CODE, sizeof FRAME_RESTORE_CODE - 1);
    uintptr_t store = image_code(image, FRAME_STORE_CODE, sizeof FRAME_STORE_CODE - 1);
    target->restore = restore ? target->libc->bias + restore : 0;
    target->store = store ? target->libc->bias + store : 0;
}

static void find_functions(struct target *target)
{
    uintptr_t bias = target->libc->bias;
    struct image libc;
    if (open_loaded(target, target->libc, &libc)) {
        target->mmap = symbol_in(&libc, bias, "mmap");
        target->munmap = symbol_in(&libc, bias, "munmap");
        target->sched_setscheduler = symbol_in(&libc, bias, "sched_setscheduler");
        target->errno_location = symbol_in(&libc, bias, "__errno_location");
        target->dlerror = symbol_in(&libc, bias, "dlerror");
        target->memfd_create = symbol_in(&libc, bias, "memfd_create");
        target->syscall = symbol_in(&libc, bias, "syscall");
        target->dlopen = symbol_in(&libc, bias, "dlopen");
        if (!target->dlopen) { /* before glibc 2.34 */
            target->dlopen = symbol_in(&libc, bias, "__libc_dlopen_mode");
            target->dlopen_flags = (int)0x80000000u;
        }
        find_code(target, &libc);
    }
    image_close(&libc);
}

#define IN_MEMORY "/memfd:" /* how the kernel names such files */

/* See bring.h. */
static bool is_brought(const struct loaded *file)
{
    return strcmp(file->path, IN_MEMORY ATTACH_BROUGHT) == 0;
}

/* Our file's code is where it is in this one, wherever the program has it from. */
static bool is_ours(const struct target *target, const struct loaded *file, const char *library)
{
    int own = file->deleted && !is_brought(file) ? -1 : open(library, O_RDONLY | O_CLOEXEC);
    bool same = own >= 0 && has_first_page(target, file, own);
    if (own >= 0)
        close(own);
    return same;
}

static const char *find_files(struct target *target, const char *library)
{
    for (size_t i = 0; i < target->file_count; i++) {
        struct loaded *file = &target->files[i];
        const char *name = base_name(file->path);
        struct image image;
        if (!file->executable)
            continue;
        if (is_brought(file) ? image_open(&image, open(library, O_RDONLY | O_CLOEXEC))
                             : open_loaded(target, file, &image))
            file->bias = file->start - image_first_page(&image);
        image_close(&image);
        if (strncmp(name, "ld-musl-", 8) == 0)
            return "is linked against musl, and libtrace needs the GNU C library";
        if (strcmp(name, "libc.so.6") == 0 || (strncmp(name, "libc-2.", 7) == 0 && strstr(name, ".so")))
            target->libc = file;
        else if (strncmp(name, "ld-linux-x86-64.so", 18) == 0 || strncmp(name, "ld-2.", 5) == 0)
            target->loader = file;
        else if (is_brought(file) || strcmp(name, base_name(library)) == 0)
            target->library = file;
    }
    return NULL;
}

uintptr_t target_loaded(const struct target *target, const char *library)
{
    struct target now = {.pid = target->pid};
    uintptr_t bias = 0;
    if (read_maps(&now) && !find_files(&now, library) && now.library && is_ours(&now, now.library, library))
        bias = now.library->bias;
    target_close(&now);
    return bias;
}

const char target_not_loaded[] =
    "has not loaded the GNU C library, so no other library can be loaded into it";

#define READS 20 /* the list of mappings may be read with gaps while a program maps and unmaps */

const char *target_open(struct target *target, pid_t pid, const char *library, bool inside_ours)
{
    memset(target, 0, sizeof *target);
    for (int i = 0; i < READS && !(target->libc && target->loader); i++) {
        target_close(target);
        target->pid = pid;
        if (!read_maps(target))
            return refusal_denied(pid, errno);
        const char *why = find_files(target, library);
        if (why)
            return why;
    }
    if (target->file_count == 0)
        return "has ended";
    if (!target->libc || !target->loader)
        return target_not_loaded;
    if (target->libc->deleted)
        return "runs with a C library that was replaced on disk since (an upgrade); restart it first";
    if (target->library && !is_ours(target, target->library, library))
        return "has another libtrace.so loaded than this trace-attach belongs to; restart it first";
    find_functions(target);
    if (!target->dlopen || !target->mmap || !target->munmap || !target->restore)
        return "has a C library that cannot load libraries";
    for (size_t i = 0; i < target->file_count; i++)
        if (target->files[i].executable && !(inside_ours && &target->files[i] == target->library))
            find_unsafe(target, &target->files[i]);
    return NULL;
}

void target_close(struct target *target)
{
    for (size_t i = 0; i < target->file_count; i++)
        free(target->files[i].path);
    free(target->files);
    free(target->unsafe);
    memset(target, 0, sizeof *target);
}
