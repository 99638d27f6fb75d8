/* arena.c - see arena.h. */
#define _GNU_SOURCE
#include "arena.h"
#include "guest.h"
#include "processor.h"
#include "rlimits.h"
#include "wire_check.h"

#include <stdbool.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

struct wire_arena *arena;
/* Bytes of the file and of the header, the first chunk behind that, and the number of rings; never read from the arena,
 * where anybody may have written. */
static uint64_t arena_size, header_size, first_chunk;
uint32_t arena_ring_count;

#define ANCHOR_OFFSET (header_size - guest_page_size())
#define STEP_SIZE \
    (1u << 20) /* where address space is short, so much of it is used on the way to a window \
                */

/* A second mapping of the header's last page, from which new windows are made. */
static char *anchor;

/* Under some emulators (valgrind) windows cannot be made without a descriptor: then everything is mapped
 * at once. */
static char *whole;

/* Maps the bytes from..to behind a page of the arena that is mapped. mremap() with an old size of 0
 * creates another mapping of the same file, which may be longer. */
static char *extend(char *page, uint64_t from, uint64_t to)
{
    char *mapped = guest_mremap(page, 0, to, MREMAP_MAYMOVE);
    if (mapped == MAP_FAILED)
        return NULL;
    if (from)
        guest_munmap(mapped, from);
    return mapped + from;
}

/* If the window is too far from the page for a single mapping, goes there in steps. */
static char *reach(uint64_t offset, size_t size)
{
    char *page = anchor;
    uint64_t at = ANCHOR_OFFSET;
    while (page && offset + size - at > size + STEP_SIZE) {
        char *next = extend(page, STEP_SIZE - guest_page_size(), STEP_SIZE);
        if (page != anchor)
            guest_munmap(page, guest_page_size());
        page = next;
        at += STEP_SIZE - guest_page_size();
    }
    char *window = page ? extend(page, offset - at, offset + size - at) : NULL;
    if (page && page != anchor)
        guest_munmap(page, guest_page_size());
    return window;
}

/* While confined, only this can be used: a window on whole words of the chunk map. */
#define POOL_WORDS 16u /* 64 MiB; less if that is not available */
static struct {
    char *window;
    uint64_t offset;
    unsigned first, words;
} pool;

static bool in_pool(uint64_t offset)
{
    return offset - pool.offset < pool.words * 64ull * WIRE_CHUNK_SIZE;
}

static void know_size(uint64_t size)
{
    arena_size = size;
    arena_ring_count = wire_rings(size);
    first_chunk = wire_first_chunk(size);
    header_size = first_chunk * WIRE_CHUNK_SIZE;
}

static bool map_header(int descriptor, size_t file_size)
{
    const int access = PROT_READ | PROT_WRITE, flags = MAP_SHARED | MAP_NORESERVE;
    char *header = guest_mmap(NULL, header_size, access, flags, descriptor, 0);
    char *page = guest_mmap(NULL, guest_page_size(), access, flags, descriptor, (off_t)ANCHOR_OFFSET);
    whole = NULL;
    anchor = page == MAP_FAILED ? NULL : page;
    if (header == MAP_FAILED || !anchor)
        goto failed;
    char *trial = extend(anchor, 0, 2 * guest_page_size());
    if (trial) {
        guest_munmap(trial, 2 * guest_page_size());
    } else if (errno != EINVAL ||
               (whole = guest_mmap(NULL, file_size, access, flags, descriptor, 0)) == MAP_FAILED) {
        whole = NULL;
        goto failed;
    }
    /* Our shared memory is of no use in core dumps of the program. */
    madvise(header, header_size, MADV_DONTDUMP);
    madvise(anchor, guest_page_size(), MADV_DONTDUMP); /* and so are all windows made from it */
    arena = (struct wire_arena *)header;
    return true;
failed:
    if (header != MAP_FAILED)
        guest_munmap(header, header_size);
    if (anchor)
        guest_munmap(anchor, guest_page_size());
    return false;
}

int arena_map(int descriptor, uint64_t size)
{
    int saved = errno;
    know_size(size);
    bool mapped = size > header_size && limits_take(header_size, LIMITS_SHARED);
    if (mapped && !map_header(descriptor, size)) {
        limits_failed(header_size, LIMITS_SHARED);
        mapped = false;
    }
    errno = saved;
    return mapped ? 0 : -1;
}

/* ---- a new one ----------------------------------------------------------------------------------------- */

static void fill_header(uint32_t chunks)
{
    struct timespec now;
    uint64_t random[3];
    clock_gettime(CLOCK_REALTIME, &now);
    arena->version = WIRE_VERSION;
    arena->chunks = chunks;
    arena->stamp_shift = PROCESSOR_STAMP_SHIFT;
    /* Not libc's getrandom(): from glibc 2.41 on that maps memory of its own, and takes a lock for it. */
    if (syscall(SYS_getrandom, random, sizeof random, GRND_NONBLOCK) != sizeof random)
        for (size_t i = 0; i < sizeof random / sizeof random[0]; i++)
            random[i] = guest_ticks() * 0x9e3779b97f4a7c15ull;
    arena->cookie = random[0];
    arena->door_name = random[1];
    arena->door_key = random[2];
    arena->first_pid = guest_pid();
    arena->first_namespace = guest_pid_namespace();
    guest_view(arena->first_view);
    arena->first_faults = UINT64_MAX;
    arena->started_ns = guest_now_ns();
    arena->started_real = (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
    for (unsigned chunk = 0; chunk < first_chunk; chunk++)
        atomic_fetch_or(&arena->chunk_map[chunk / 64], 1ull << chunk % 64);
    arena->magic = WIRE_MAGIC;
}

static int new_memory(uint64_t size)
{
    int descriptor =
        guest_move_up((int)syscall(SYS_memfd_create, "libtrace", MFD_CLOEXEC | MFD_ALLOW_SEALING));
    if (descriptor >= 0 &&
        (ftruncate(descriptor, (off_t)size) != 0 || fcntl(descriptor, F_ADD_SEALS, WIRE_SEALS) != 0)) {
        close(descriptor);
        return -1;
    }
    return descriptor;
}

int arena_make(void)
{
    uint32_t chunks = limits_arena();
    int descriptor = chunks ? new_memory((uint64_t)chunks * WIRE_CHUNK_SIZE) : -1;
    if (descriptor < 0)
        return -1;
    if (arena_map(descriptor, (uint64_t)chunks * WIRE_CHUNK_SIZE) != 0) {
        close(descriptor);
        return -1;
    }
    fill_header(chunks);
    return descriptor;
}

void arena_note_unmapped(int descriptor)
{
    const uint32_t one = 1;
    if (pwrite(descriptor, &one, sizeof one, offsetof(struct wire_arena, unmapped)) < 0) {
        /* Then only whoever reads our line on stderr learns of it. */
    }
}

void arena_unmap(void)
{
    int saved = errno;
    if (whole)
        guest_munmap(whole, arena_size);
    guest_munmap(arena, header_size);
    guest_munmap(anchor, guest_page_size());
    limits_give_back(header_size, LIMITS_SHARED);
    if (pool.window && !whole)
        arena_close(pool.window, pool.words * 64ull * WIRE_CHUNK_SIZE);
    pool.window = NULL;
    pool.words = 0;
    arena = NULL;
    errno = saved;
}

/* True for chunks of this arena behind its header: offsets are read from memory that anybody may have
 * written, and a wrong one may lead beyond the file. */
static bool are_chunks(uint64_t offset, size_t size)
{
    return offset % WIRE_CHUNK_SIZE == 0 && offset >= header_size && size <= arena_size &&
           offset <= arena_size - size;
}

void *arena_window(uint64_t offset, size_t size)
{
    if (!are_chunks(offset, size))
        return NULL;
    if (whole)
        return whole + offset;
    if (UNLIKELY(guest_confined))
        return in_pool(offset) ? pool.window + (offset - pool.offset) : NULL;
    if (!limits_take(size, LIMITS_SHARED))
        return NULL;
    int saved = errno;
    munlock(anchor, guest_page_size()); /* otherwise a window on the way would be populated */
    char *window = extend(anchor, offset - ANCHOR_OFFSET, offset + size - ANCHOR_OFFSET);
    if (!window && errno == ENOMEM)
        window = reach(offset, size);
    if (window)
        guest_note_window(window, size);
    else
        limits_failed(size, LIMITS_SHARED);
    errno = saved;
    return window;
}

void arena_close(void *window, size_t size)
{
    if (whole || guest_confined)
        return;
    int saved = errno;
    guest_forget_window(window, size);
    guest_munmap(window, size);
    limits_give_back(size, LIMITS_SHARED);
    errno = saved;
}

static unsigned chunk_words(void)
{
    return (unsigned)(arena_size >> WIRE_CHUNK_SHIFT) / 64;
}

/* The words of the chunk map in which chunks may be claimed. */
static unsigned pool_first(void)
{
    return UNLIKELY(guest_confined) && !whole ? pool.first : 0;
}

static unsigned pool_end(void)
{
    return UNLIKELY(guest_confined) && !whole ? pool.first + pool.words : chunk_words();
}

/* Claims up to 64 chunks: adjacent bits of one word of the map. */
static uint64_t claim_in_word(unsigned chunks)
{
    uint64_t want = chunks == 64 ? ~0ull : (1ull << chunks) - 1;
    for (unsigned word = pool_first(); word < pool_end(); word++) {
        uint64_t used = atomic_load_explicit(&arena->chunk_map[word], memory_order_relaxed);
        for (unsigned shift = 0; shift + chunks <= 64; shift++) {
            if (used & want << shift)
                continue;
            if (atomic_compare_exchange_strong(&arena->chunk_map[word], &used, used | want << shift))
                return word * 64ull + shift;
            shift = (unsigned)-1; /* another thread was faster: read used again */
        }
    }
    return 0;
}

/* Claims more: whole words, one after the other; gives them back if one is not free. */
static uint64_t claim_words(unsigned words)
{
    unsigned have = 0;
    for (unsigned word = pool_first(); word < pool_end(); word++) {
        uint64_t none = 0;
        if (atomic_compare_exchange_strong(&arena->chunk_map[word], &none, ~0ull)) {
            if (++have == words)
                return (word + 1 - words) * 64ull;
        } else {
            for (; have; have--)
                atomic_store(&arena->chunk_map[word - have], 0);
        }
    }
    for (unsigned word = pool_end(); have; have--)
        atomic_store(&arena->chunk_map[word - have], 0);
    return 0;
}

static unsigned chunks_of(size_t size)
{
    return (unsigned)((size + WIRE_CHUNK_SIZE - 1) >> WIRE_CHUNK_SHIFT);
}

uint64_t arena_claim(size_t size)
{
    unsigned chunks = chunks_of(size);
    if (limits_short())
        return 0;
    uint64_t chunk = chunks <= 64 ? claim_in_word(chunks) : claim_words((chunks + 63) / 64);
    if (chunk < first_chunk) { /* none, or bits of the header's that somebody has cleared */
        limits_failed(0, LIMITS_SHARED);
        return 0;
    }
    return chunk << WIRE_CHUNK_SHIFT;
}

void arena_give_back(uint64_t offset, size_t size)
{
    uint64_t chunk = offset >> WIRE_CHUNK_SHIFT, end = chunk + chunks_of(size);
    for (; chunk < end; chunk++)
        atomic_fetch_and(&arena->chunk_map[chunk / 64], ~(1ull << chunk % 64));
}

bool arena_within_reach(uint64_t offset)
{
    return !guest_confined || whole || in_pool(offset);
}

/* Finds the last free words of the map, as others claim from its beginning. */
static bool find_pool(unsigned words)
{
    unsigned free = 0;
    for (unsigned word = chunk_words(); word-- > 0;) {
        free = atomic_load(&arena->chunk_map[word]) == 0 ? free + 1 : 0;
        if (free == words) {
            pool.first = word;
            pool.offset = word * 64ull * WIRE_CHUNK_SIZE;
            return true;
        }
    }
    return false;
}

void arena_prepare(void)
{
    for (unsigned words = POOL_WORDS; words && !pool.window && !whole; words /= 4) {
        if (find_pool(words) && (pool.window = arena_window(pool.offset, words * 64ull * WIRE_CHUNK_SIZE)))
            pool.words = words;
    }
}

/* One word of the chunk map at a time, as there may be no address space for more. */
void arena_abandon(void)
{
    int saved = errno;
    for (uint64_t word = 0; word < chunk_words() && !guest_confined; word++) {
        uint64_t first = word * 64 < first_chunk ? first_chunk : word * 64;
        size_t size = ((word + 1) * 64 - first) * WIRE_CHUNK_SIZE;
        if (first / 64 != word || atomic_load_explicit(&arena->chunk_map[word], memory_order_relaxed) == 0)
            continue;
        void *window = arena_window(first * WIRE_CHUNK_SIZE, size);
        if (!window)
            break;
        madvise(window, size, MADV_REMOVE);
        arena_close(window, size);
    }
    errno = saved;
}

void *arena_segment(_Atomic uint64_t *place, void *_Atomic *window, size_t size)
{
    uint64_t offset = atomic_load(place);
    if (!offset) {
        uint64_t fresh = arena_claim(size);
        if (!fresh)
            return NULL;
        if (atomic_compare_exchange_strong(place, &offset, fresh))
            offset = fresh;
        else
            arena_give_back(fresh, size); /* another thread was faster */
    }
    void *mapped = arena_window(offset, size), *before = NULL;
    if (mapped && !atomic_compare_exchange_strong(window, &before, mapped)) {
        arena_close(mapped, size);
        return before;
    }
    return mapped;
}
