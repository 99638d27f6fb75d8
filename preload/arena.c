/* arena.c - see arena.h. */
#define _GNU_SOURCE
#include "arena.h"
#include "guest.h"

#include <stdbool.h>
#include <sys/mman.h>

struct wire_arena *arena;
static uint64_t arena_size; /* bytes mapped; never read from the arena, which anybody may have written to */

int arena_map(int descriptor, uint64_t size)
{
    int saved = errno, result = -1;
    void *at = mmap(NULL, size, PROT_NONE, MAP_SHARED | MAP_NORESERVE, descriptor, 0);
    if (at != MAP_FAILED) {
        /* Shared memory of ours is of no use in the program's core dumps. */
        madvise(at, size, MADV_DONTDUMP);
        if (mprotect(at, WIRE_FIRST_CHUNK * WIRE_CHUNK_SIZE, PROT_READ | PROT_WRITE) == 0) {
            arena = at;
            arena_size = size;
            result = 0;
        } else {
            munmap(at, size);
        }
    }
    errno = saved;
    return result;
}

void arena_unmap(void)
{
    struct wire_arena *old = arena;
    arena = NULL;
    guest_unmap(old, arena_size);
}

/* True for chunks of this arena behind its header: offsets are read from memory that anybody may have written
 * to, and a wrong one must not lead to the program's own. */
static bool are_chunks(uint64_t offset, size_t size)
{
    return offset % WIRE_CHUNK_SIZE == 0 && offset >= WIRE_FIRST_CHUNK * WIRE_CHUNK_SIZE &&
           size <= arena_size && offset <= arena_size - size;
}

int arena_open(uint64_t offset, size_t size)
{
    if (!are_chunks(offset, size))
        return -1;
    int saved = errno;
    int result = mprotect(arena_at(offset), size, PROT_READ | PROT_WRITE);
    errno = saved;
    return result;
}

static unsigned chunk_words(void)
{
    return (unsigned)(arena_size >> WIRE_CHUNK_SHIFT) / 64;
}

/* Up to 64 chunks: neighbouring bits of one word of the map. */
static uint64_t claim_in_word(unsigned chunks)
{
    uint64_t want = chunks == 64 ? ~0ull : (1ull << chunks) - 1;
    for (unsigned word = 0; word < chunk_words(); word++) {
        uint64_t used = atomic_load_explicit(&arena->chunk_map[word], memory_order_relaxed);
        for (unsigned shift = 0; shift + chunks <= 64; shift++) {
            if (used & want << shift)
                continue;
            if (atomic_compare_exchange_strong(&arena->chunk_map[word], &used, used | want << shift))
                return word * 64ull + shift;
            shift = (unsigned)-1; /* somebody was faster: used was read anew */
        }
    }
    return 0;
}

/* More: whole words, one after the other; given back if the row breaks off. */
static uint64_t claim_words(unsigned words)
{
    unsigned have = 0;
    for (unsigned word = 0; word < chunk_words(); word++) {
        uint64_t none = 0;
        if (atomic_compare_exchange_strong(&arena->chunk_map[word], &none, ~0ull)) {
            if (++have == words)
                return (word + 1 - words) * 64ull;
        } else {
            for (; have; have--)
                atomic_store(&arena->chunk_map[word - have], 0);
        }
    }
    for (unsigned word = chunk_words(); have; have--)
        atomic_store(&arena->chunk_map[word - have], 0);
    return 0;
}

uint64_t arena_claim(size_t size)
{
    unsigned chunks = (unsigned)((size + WIRE_CHUNK_SIZE - 1) >> WIRE_CHUNK_SHIFT);
    uint64_t chunk = chunks <= 64 ? claim_in_word(chunks) : claim_words((chunks + 63) / 64);
    if (chunk < WIRE_FIRST_CHUNK) /* none; or bits of the header's, which somebody has cleared */
        return 0;
    uint64_t offset = chunk << WIRE_CHUNK_SHIFT;
    return arena_open(offset, size) == 0 ? offset : 0;
}
