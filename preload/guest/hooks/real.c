/* real.c - see real.h. */
#define _GNU_SOURCE
#include "real.h"
#include "guest.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

_Alignas(64) char real_pool[REAL_POOL_SIZE];
static _Atomic size_t pool_used;

/* dlsym() may call calloc() (glibc does, for its error text): for this thread, such calls are served from the
 * pool. */
static __thread bool resolving __attribute__((tls_model("initial-exec")));

/* A block is preceded by its size, in a header that keeps the alignment of 16. */
static void *pool_alloc(size_t alignment, size_t size)
{
    if (alignment < 16)
        alignment = 16;
    const uintptr_t pool = (uintptr_t)real_pool;
    size_t used = atomic_load(&pool_used);
    size_t at;
    do {
        at = ((pool + used + 16 + alignment - 1) & ~(alignment - 1)) - pool;
        if (size > REAL_POOL_SIZE || at + size > REAL_POOL_SIZE) {
            errno = ENOMEM;
            return NULL;
        }
    } while (!atomic_compare_exchange_weak(&pool_used, &used, at + size));
    memcpy(real_pool + at - sizeof size, &size, sizeof size);
    return real_pool + at;
}

size_t real_pool_size(const void *block)
{
    size_t size;
    memcpy(&size, (const char *)block - sizeof size, sizeof size);
    return size;
}

/* ---- functions until the real ones are known ------------------------------------------------- */

static void *boot_malloc(size_t size)
{
    if (resolving)
        return pool_alloc(16, size);
    real_init();
    return real.malloc(size);
}

static void *boot_calloc(size_t count, size_t size)
{
    size_t total;
    if (__builtin_mul_overflow(count, size, &total)) {
        errno = ENOMEM;
        return NULL;
    }
    if (resolving)
        return pool_alloc(16, total);
    real_init();
    return real.calloc(count, size);
}

static void *boot_realloc(void *block, size_t size)
{
    if (!resolving) {
        real_init();
        return real.realloc(block, size);
    }
    void *fresh = pool_alloc(16, size);
    if (fresh && block && real_is_pool(block)) {
        size_t old = real_pool_size(block);
        memcpy(fresh, block, old < size ? old : size);
    }
    return fresh;
}

static void boot_free(void *block)
{
    if (resolving)
        return; /* from the pool, or too early to free it */
    real_init();
    real.free(block);
}

static int boot_posix_memalign(void **block, size_t alignment, size_t size)
{
    if (!resolving) {
        real_init();
        return real.posix_memalign(block, alignment, size);
    }
    *block = pool_alloc(alignment, size);
    return *block ? 0 : ENOMEM;
}

static void *boot_aligned_alloc(size_t alignment, size_t size)
{
    if (resolving)
        return pool_alloc(alignment, size);
    real_init();
    return real.aligned_alloc(alignment, size);
}

static void *boot_memalign(size_t alignment, size_t size)
{
    if (resolving)
        return pool_alloc(alignment, size);
    real_init();
    return real.memalign(alignment, size);
}

static void *boot_valloc(size_t size)
{
    if (resolving)
        return pool_alloc(guest_page_size(), size);
    real_init();
    return real.valloc(size);
}

static void *boot_pvalloc(size_t size)
{
    if (resolving)
        return pool_alloc(guest_page_size(), guest_whole_pages(size));
    real_init();
    return real.pvalloc(size);
}

static size_t boot_malloc_usable_size(void *block)
{
    real_init();
    return real.malloc_usable_size(block);
}

/* The program may free blocks from the pool; only checked for if there are any. */
static void (*free_of_others)(void *);

static void careful_free(void *block)
{
    if (!real_is_pool(block))
        free_of_others(block);
}

/* For calls of syscall() before that of the C library is known: most of our own come that way, too. */
static int boot_prctl(int option, unsigned long a, unsigned long b, unsigned long c, unsigned long d)
{
    return (int)guest_system_call(SYS_prctl, option, (long)a, (long)b, (long)c, (long)d, 0);
}

static int boot_mlockall(int flags)
{
    return (int)guest_system_call(SYS_mlockall, flags, 0, 0, 0, 0, 0);
}

static void *boot_mremap(void *at, size_t size, size_t fresh_size, int flags, void *to)
{
    return (void *)guest_system_call(SYS_mremap, (long)at, (long)size, (long)fresh_size, flags, (long)to, 0);
}

static void *boot_shmat(int id, const void *at, int flags)
{
    return (void *)guest_system_call(SYS_shmat, id, (long)at, flags, 0, 0, 0);
}

static int boot_shmdt(const void *at)
{
    return (int)guest_system_call(SYS_shmdt, (long)at, 0, 0, 0, 0, 0);
}

/* The C library remembers where its heap ends: it has to be its own function. */
static int boot_brk(void *end)
{
    if (!resolving) {
        real_init();
        if (real.brk != boot_brk)
            return real.brk(end);
    }
    errno = ENOMEM;
    return -1;
}

static void *boot_sbrk(intptr_t more)
{
    if (!resolving) {
        real_init();
        if (real.sbrk != boot_sbrk)
            return real.sbrk(more);
    }
    errno = ENOMEM;
    return (void *)-1;
}

static int boot_unlinkat(int directory, const char *path, int flags)
{
    return (int)guest_system_call(SYS_unlinkat, directory, (long)path, flags, 0, 0, 0);
}

static int boot_unlink(const char *path)
{
    return boot_unlinkat(AT_FDCWD, path, 0);
}

static int boot_remove(const char *path)
{
    int saved = errno;
    if (boot_unlink(path) == 0)
        return 0;
    if (errno != EISDIR && errno != EPERM)
        return -1;
    errno = saved;
    return boot_unlinkat(AT_FDCWD, path, AT_REMOVEDIR);
}

static int boot_renameat2(int from_directory, const char *from, int to_directory, const char *to,
                          unsigned flags)
{
    return (int)guest_system_call(SYS_renameat2, from_directory, (long)from, to_directory, (long)to, flags,
                                  0);
}

static int boot_renameat(int from_directory, const char *from, int to_directory, const char *to)
{
    return boot_renameat2(from_directory, from, to_directory, to, 0);
}

static int boot_rename(const char *from, const char *to)
{
    return boot_renameat2(AT_FDCWD, from, AT_FDCWD, to, 0);
}

static void last_exit(int status)
{
    for (;;)
        guest_system_call(SYS_exit_group, status, 0, 0, 0, 0, 0);
}

struct real real = {
    .malloc = boot_malloc,
    .calloc = boot_calloc,
    .realloc = boot_realloc,
    .free = boot_free,
    .posix_memalign = boot_posix_memalign,
    .aligned_alloc = boot_aligned_alloc,
    .memalign = boot_memalign,
    .valloc = boot_valloc,
    .pvalloc = boot_pvalloc,
    .malloc_usable_size = boot_malloc_usable_size,
    .syscall = guest_system_call,
    .prctl = boot_prctl,
    .mlockall = boot_mlockall,
    .mmap = guest_mmap,
    .munmap = guest_munmap,
    .mremap = boot_mremap,
    .brk = boot_brk,
    .sbrk = boot_sbrk,
    .shmat = boot_shmat,
    .shmdt = boot_shmdt,
    .unlink = boot_unlink,
    .unlinkat = boot_unlinkat,
    .remove = boot_remove,
    .rename = boot_rename,
    .renameat = boot_renameat,
    .renameat2 = boot_renameat2,
    ._exit = last_exit,
    .quick_exit = last_exit,
};

void real_init(void)
{
    static _Atomic bool done;
    if (atomic_load_explicit(&done, memory_order_acquire) || resolving)
        return;
    int saved = errno;
    resolving = true;
    /* Looked up in full before any is used: a block must not come from one allocator and go to another. */
    struct real found = real;
#define LOOK_UP(name)                                    \
    do {                                                 \
        void *symbol = dlsym(RTLD_NEXT, #name);          \
        if (symbol)                                      \
            memcpy(&found.name, &symbol, sizeof symbol); \
    } while (0)
    LOOK_UP(malloc);
    LOOK_UP(calloc);
    LOOK_UP(realloc);
    LOOK_UP(free);
    LOOK_UP(posix_memalign);
    LOOK_UP(aligned_alloc);
    LOOK_UP(memalign);
    LOOK_UP(valloc);
    LOOK_UP(pvalloc);
    LOOK_UP(malloc_usable_size);
    LOOK_UP(syscall);
    LOOK_UP(prctl);
    LOOK_UP(mlockall);
    LOOK_UP(mmap);
    LOOK_UP(munmap);
    LOOK_UP(mremap);
    LOOK_UP(brk);
    LOOK_UP(sbrk);
    LOOK_UP(shmat);
    LOOK_UP(shmdt);
    LOOK_UP(unlink);
    LOOK_UP(unlinkat);
    LOOK_UP(remove);
    LOOK_UP(rename);
    LOOK_UP(renameat);
    LOOK_UP(renameat2);
    LOOK_UP(_exit);
    LOOK_UP(quick_exit);
#undef LOOK_UP
    if (atomic_load(&pool_used)) {
        free_of_others = found.free;
        found.free = careful_free;
    }
    real = found;
    resolving = false;
    atomic_store_explicit(&done, true, memory_order_release);
    errno = saved;
}
