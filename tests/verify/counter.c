/* counter.c - counts what a tree of processes asks of the C library's allocator. Preloaded behind libtrace.so, so that
 * it is what libtrace.so calls: both count the same calls in the same processes, of threads that never do the same twice
 * as well.
 *
 * COUNTER_FILE names a file of three numbers of 8 bytes, which all processes map and add to: allocations, frees, bytes.
 * realloc() counts as a free and an allocation, as in libtrace.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

struct counts {
    _Atomic uint64_t allocations, frees, bytes;
};

/* glibc's own, under names that nobody stands before. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *block, size_t size);
void *__libc_memalign(size_t alignment, size_t size);
void *__libc_valloc(size_t size);
void *__libc_pvalloc(size_t size);
void __libc_free(void *block);

static struct counts early; /* until there is an environment that names the file */
static struct counts *_Atomic shared;

static void add(struct counts *counts, uint64_t allocations, uint64_t frees, uint64_t bytes)
{
    atomic_fetch_add(&counts->allocations, allocations);
    atomic_fetch_add(&counts->frees, frees);
    atomic_fetch_add(&counts->bytes, bytes);
}

static void count(uint64_t allocations, uint64_t frees, uint64_t bytes)
{
    struct counts *counts = atomic_load(&shared);
    add(counts ? counts : &early, allocations, frees, bytes);
}

/* The program has one thread yet. */
__attribute__((constructor)) static void begin(void)
{
    int saved = errno;
    const char *name = getenv("COUNTER_FILE");
    int file = name ? open(name, O_RDWR | O_CLOEXEC) : -1;
    if (file >= 0) {
        struct counts *counts = mmap(NULL, sizeof *counts, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
        close(file);
        if (counts != MAP_FAILED) {
            add(counts, early.allocations, early.frees, early.bytes);
            atomic_store(&shared, counts);
        }
    }
    errno = saved;
}

static void *counted(void *block, size_t size)
{
    if (block)
        count(1, 0, size);
    return block;
}

void *malloc(size_t size)
{
    return counted(__libc_malloc(size), size);
}

void *calloc(size_t number, size_t size)
{
    return counted(__libc_calloc(number, size), number * size);
}

void *realloc(void *block, size_t size)
{
    void *fresh = __libc_realloc(block, size);
    if (fresh)
        count(1, block != NULL, size);
    else if (block && size == 0)
        count(0, 1, 0);
    return fresh;
}

void free(void *block)
{
    if (block)
        count(0, 1, 0);
    __libc_free(block);
}

int posix_memalign(void **block, size_t alignment, size_t size)
{
    if (alignment % sizeof(void *) || alignment == 0 || (alignment & (alignment - 1)))
        return EINVAL;
    int saved = errno;
    void *fresh = counted(__libc_memalign(alignment, size), size);
    errno = saved;
    if (!fresh)
        return ENOMEM;
    *block = fresh;
    return 0;
}

void *memalign(size_t alignment, size_t size)
{
    return counted(__libc_memalign(alignment, size), size);
}

void *aligned_alloc(size_t alignment, size_t size)
{
    return counted(__libc_memalign(alignment, size), size);
}

void *valloc(size_t size)
{
    return counted(__libc_valloc(size), size);
}

void *pvalloc(size_t size)
{
    return counted(__libc_pvalloc(size), size);
}
