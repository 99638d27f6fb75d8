/* map_calls.c - see map_calls.h.
 *
 * What the C library maps for itself (thread stacks, its malloc's memory, the loader's files) does not come here. What
 * another allocator maps through the C library's functions does, and is recognised by the caller's address, which is in
 * the same library as malloc().
 *
 * A mapping is recorded after the call that creates it. What removes one is recorded before the call, and undone if
 * that fails. Moving or resizing a mapping counts as removing it and creating another, as with realloc(): all of it
 * then belongs to the caller of mremap().
 */
#define _GNU_SOURCE
#include "map_calls.h"
#include "modules.h"
#include "real.h"
#include "record.h"

#include <sys/ipc.h>
#include <sys/mman.h>
#include <sys/shm.h>
#include <sys/syscall.h>
#include <unistd.h>

#define FRAME __builtin_frame_address(0)

#ifndef MAP_HUGE_SHIFT
#define MAP_HUGE_SHIFT 26
#endif
#define MAP_HUGE_BITS 63
#define HUGE_SHIFT 21 /* the usual size of huge pages */

#ifndef MREMAP_DONTUNMAP
#define MREMAP_DONTUNMAP 4
#endif

/* ---- recording ---------------------------------------------------------------------------------- */

/* True if the allocator makes the call. If the allocator is the C library's, its calls do not come here. */
static bool is_allocators(const void *frame)
{
    struct module caller, allocator;
    return modules_find(processor_return_address(frame) - 1, &caller) &&
           modules_find((uintptr_t)real.malloc, &allocator) && caller.start == allocator.start;
}

/* Rare enough to be slow; but not cold, as its callers have frames of their own. */
static __attribute__((noinline)) GUEST_ALIGNED void mapped(const void *at, size_t size, const void *frame)
{
    struct thread *t = size ? thread_enter(frame) : NULL;
    if (!t)
        return;
    bool allocators = is_allocators(frame);
    if (!t->paused || allocators) {
        uint64_t node = allocators ? WIRE_NODE_ROOT : record_stack(t, frame);
        const uint64_t more[] = {node << 32 | (allocators ? WIRE_MAP_ALLOCATOR : 0), size};
        ring_put_words(t, WIRE_MAP, at, more, 2);
    }
    thread_leave(t);
}

/* size 0: the whole mapping that begins there. */
static __attribute__((noinline)) GUEST_ALIGNED void unmapped(const void *at, size_t size, const void *frame)
{
    struct thread *t = thread_enter(frame);
    if (!t)
        return;
    const uint64_t more[] = {size};
    ring_put_words(t, WIRE_UNMAP, at, more, 1);
    thread_leave(t);
}

static NOINLINE GUEST_ALIGNED void not_unmapped(const void *at, const void *frame)
{
    int saved = errno;
    struct thread *t = thread_enter(frame);
    if (t) {
        ring_put_words(t, WIRE_UNMAP_FAIL, at, NULL, 0);
        thread_leave(t);
    }
    errno = saved;
}

/* ---- mappings ----------------------------------------------------------------------------------- */

/* The size as the kernel rounds it up. */
static size_t whole_pages(size_t size, int flags)
{
    if (!(flags & MAP_HUGETLB))
        return guest_whole_pages(size);
    unsigned shift = (unsigned)flags >> MAP_HUGE_SHIFT & MAP_HUGE_BITS;
    size_t page = (size_t)1 << (shift ? shift : HUGE_SHIFT);
    return (size + page - 1) & ~(page - 1);
}

INLINE void *map(void *at, size_t size, int protection, int flags, int file, off_t offset, const void *frame)
{
    void *made = real.mmap(at, size, protection, flags, file, offset);
    if (LIKELY(made != MAP_FAILED))
        mapped(made, whole_pages(size, flags), frame);
    return made;
}

EXPORT void *map_calls_mmap(void *at, size_t size, int protection, int flags, int file, off_t offset)
{
    return map(at, size, protection, flags, file, offset, FRAME);
}

EXPORT void *map_calls_mmap64(void *at, size_t size, int protection, int flags, int file,
                              off_t offset) __asm__("mmap64") __attribute__((alias("mmap")));

/* False if the kernel refuses to unmap this address or length before it changes anything. */
static bool may_be_unmapped(const void *at, size_t size)
{
    uintptr_t from = (uintptr_t)at;
    return size != 0 && from % guest_page_size() == 0 && from + size > from && from <= WIRE_ADDRESS_MASK;
}

INLINE int unmap(void *at, size_t size, const void *frame)
{
    if (UNLIKELY(!may_be_unmapped(at, size)))
        return real.munmap(at, size);
    unmapped(at, guest_whole_pages(size), frame);
    int result = real.munmap(at, size);
    if (UNLIKELY(result != 0))
        not_unmapped(at, frame);
    return result;
}

EXPORT int map_calls_munmap(void *at, size_t size)
{
    return unmap(at, size, FRAME);
}

/* With size 0, a shared mapping is mapped a second time. */
INLINE void *remap(void *at, size_t size, size_t fresh_size, int flags, void *to, const void *frame)
{
    bool goes = may_be_unmapped(at, size) && !(flags & MREMAP_DONTUNMAP);
    if (goes)
        unmapped(at, guest_whole_pages(size), frame);
    void *made = real.mremap(at, size, fresh_size, flags, to);
    if (LIKELY(made != MAP_FAILED))
        mapped(made, guest_whole_pages(fresh_size), frame);
    else if (goes)
        not_unmapped(at, frame);
    return made;
}

EXPORT void *map_calls_mremap(void *at, size_t size, size_t fresh_size, int flags, void *to)
{
    return remap(at, size, fresh_size, flags, to, FRAME);
}

/* ---- the heap's end ----------------------------------------------------------------------------- */

static void heap_moved(uintptr_t from, uintptr_t to, const void *frame)
{
    if (to > from)
        mapped((const void *)from, to - from, frame);
    else if (to < from)
        unmapped((const void *)to, from - to, frame);
}

EXPORT int map_calls_brk(void *end)
{
    int saved = errno;
    uintptr_t before = (uintptr_t)real.sbrk(0);
    errno = saved;
    int result = real.brk(end);
    if (result == 0 && before != (uintptr_t)-1)
        heap_moved(before, (uintptr_t)end, FRAME);
    return result;
}

EXPORT void *map_calls_sbrk(intptr_t more)
{
    void *before = real.sbrk(more);
    if (more != 0 && before != (void *)-1)
        heap_moved((uintptr_t)before, (uintptr_t)before + (uintptr_t)more, FRAME);
    return before;
}

/* ---- System V's shared memory ------------------------------------------------------------------- */

/* 0 if the kernel does not tell. */
static size_t size_of_segment(int id)
{
    struct shmid_ds segment;
    int saved = errno;
    bool known = !guest_confined && syscall(SYS_shmctl, id, IPC_STAT, &segment) == 0;
    errno = saved;
    return known ? guest_whole_pages(segment.shm_segsz) : 0;
}

INLINE void *attach_segment(int id, const void *at, int flags, const void *frame)
{
    void *made = real.shmat(id, at, flags);
    if (made != (void *)-1)
        mapped(made, size_of_segment(id), frame);
    return made;
}

EXPORT void *map_calls_shmat(int id, const void *at, int flags)
{
    return attach_segment(id, at, flags, FRAME);
}

INLINE int detach_segment(const void *at, const void *frame)
{
    unmapped(at, 0, frame);
    int result = real.shmdt(at);
    if (UNLIKELY(result != 0))
        not_unmapped(at, frame);
    return result;
}

EXPORT int map_calls_shmdt(const void *at)
{
    return detach_segment(at, FRAME);
}

/* ---- calls by number ------------------------------------------------------------------------------ */

/* The C library's functions report failure as syscall() does: -1, and errno. */
long map_calls_by_number(long number, long a, long b, long c, long d, long e, long f)
{
    switch (number) {
    case SYS_mmap:
        return (long)map((void *)a, (size_t)b, (int)c, (int)d, (int)e, f, FRAME);
    case SYS_munmap:
        return unmap((void *)a, (size_t)b, FRAME);
    case SYS_mremap:
        return (long)remap((void *)a, (size_t)b, (size_t)c, (int)d, (void *)e, FRAME);
    case SYS_shmat:
        return (long)attach_segment((int)a, (const void *)b, (int)c, FRAME);
    case SYS_shmdt:
        return detach_segment((const void *)a, FRAME);
    default: /* brk is not taken: the C library, whose end of the heap it would move, knows nothing of it */
        return real.syscall(number, a, b, c, d, e, f);
    }
}
