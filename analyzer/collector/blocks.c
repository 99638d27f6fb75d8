/* blocks.c - see blocks.h. */
#define _GNU_SOURCE
#include "blocks.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <uthash.h>

#define FIRST_BITS 12

struct odd_block {
    uint64_t address; /* key */
    struct block block;
    UT_hash_handle hh;
};

static size_t bytes_for(unsigned bits)
{
    return (((size_t)1 << bits) + BLOCKS_OVERFLOW) * sizeof(struct entry);
}

static struct entry *map_entries(unsigned bits)
{
    void *memory = mmap(NULL, bytes_for(bits), PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return NULL;
    if (bits >= 18) /* 4 MiB and more: fewer TLB misses */
        madvise(memory, bytes_for(bits), MADV_HUGEPAGE);
    return memory;
}

/* Takes the table of this size; false on lack of memory. Small ones stay emptier: they fit the cache anyway.
 */
static bool make_table(struct blocks *blocks, unsigned bits)
{
    struct entry *entries = map_entries(bits);
    if (!entries)
        return false;
    size_t homes = (size_t)1 << bits;
    blocks->entries = entries;
    blocks->bits = bits;
    blocks->mapped = bytes_for(bits);
    blocks->limit = bits < 16 ? homes / 8 * 3 : homes / 8 * 5;
    blocks->last = entries + homes + BLOCKS_OVERFLOW - 64;
    blocks->crowded = false;
    return true;
}

bool blocks_open(struct blocks *blocks)
{
    memset(blocks, 0, sizeof *blocks);
    return make_table(blocks, FIRST_BITS);
}

void blocks_close(struct blocks *blocks)
{
    struct odd_block *odd, *next;
    HASH_ITER(hh, blocks->odd, odd, next)
    {
        HASH_DEL(blocks->odd, odd);
        free(odd);
    }
    if (blocks->entries)
        munmap(blocks->entries, blocks->mapped);
    memset(blocks, 0, sizeof *blocks);
}

size_t blocks_count(const struct blocks *blocks)
{
    return blocks->count + HASH_COUNT(blocks->odd);
}

/* Moves everything into a table of twice the size, in order, so both are walked through once. */
static bool grow(struct blocks *blocks)
{
    struct blocks larger = *blocks;
    if (!make_table(&larger, blocks->bits + 1))
        return false;
    size_t all = blocks->mapped / sizeof(struct entry);
    const size_t step = ((size_t)4 << 20) / sizeof(struct entry);
    for (size_t i = 0; i < all; i++) {
        if (blocks->entries[i].key) {
            size_t place = blocks_home(&larger, blocks_key_address(blocks->entries[i].key));
            while (larger.entries[place].key)
                place++;
            larger.entries[place] = blocks->entries[i];
        }
        if ((i + 1) % step == 0) /* what was moved is given back at once */
            madvise(blocks->entries + i + 1 - step, step * sizeof(struct entry), MADV_DONTNEED);
    }
    munmap(blocks->entries, blocks->mapped);
    *blocks = larger;
    return true;
}

/* Births are kept in 20 bits; when the run gets older than they can tell, all lose one bit. */
static void age(struct blocks *blocks, uint32_t tick)
{
    while (tick >> blocks->age_shift > BLOCKS_BORN_MASK) {
        blocks->age_shift++;
        size_t all = blocks->mapped / sizeof(struct entry);
        for (size_t i = 0; i < all; i++) {
            uint64_t key = blocks->entries[i].key;
            blocks->entries[i].key = (key & ~BLOCKS_BORN_MASK) | (key & BLOCKS_BORN_MASK) >> 1;
        }
    }
}

bool blocks_take_odd(struct blocks *blocks, uint64_t address, struct block *block)
{
    struct odd_block *odd;
    HASH_FIND(hh, blocks->odd, &address, sizeof address, odd);
    if (!odd)
        return false;
    *block = odd->block;
    HASH_DEL(blocks->odd, odd);
    free(odd);
    return true;
}

static int put_odd(struct blocks *blocks, const struct block *block, struct block *old)
{
    int found = blocks_take(blocks, block->address, old);
    struct odd_block *odd = malloc(sizeof *odd);
    if (!odd)
        return -1;
    odd->address = block->address;
    odd->block = *block;
    HASH_ADD(hh, blocks->odd, address, sizeof odd->address, odd);
    return found;
}

int blocks_put_slow(struct blocks *blocks, const struct block *block, struct block *old)
{
    if (blocks->crowded && !grow(blocks))
        return -1;
    age(blocks, block->born);
    if (block->size >> 32 || block->address & 7)
        return put_odd(blocks, block, old);
    if (blocks->odd && blocks_take_odd(blocks, block->address, old)) {
        struct block none;
        struct odd_block *others = blocks->odd;
        blocks->odd = NULL; /* the fast way, once */
        int result = blocks_put(blocks, block, &none);
        blocks->odd = others;
        return result < 0 ? result : 1;
    }
    struct odd_block *others = blocks->odd;
    blocks->odd = NULL;
    int result = blocks_put(blocks, block, old);
    blocks->odd = others;
    return result;
}

void blocks_each(const struct blocks *blocks, void (*visit)(void *, const struct block *), void *data)
{
    size_t all = blocks->mapped / sizeof(struct entry);
    for (size_t i = 0; i < all; i++) {
        if (blocks->entries[i].key) {
            struct block block = blocks_unpack(blocks, blocks->entries[i]);
            visit(data, &block);
        }
    }
    const struct odd_block *odd, *next;
    HASH_ITER(hh, blocks->odd, odd, next)
    {
        visit(data, &odd->block);
    }
}
