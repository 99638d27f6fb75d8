/* blocks.c - see blocks.h. */
#define _GNU_SOURCE
#include "blocks.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <uthash.h>

#define FIRST_BITS 12
#define OVERFLOW 4096 /* entries behind the last home */

struct odd_block {
    uint64_t address; /* key */
    struct block block;
    UT_hash_handle hh;
};

static size_t bytes_for(unsigned bits)
{
    return (((size_t)1 << bits) + OVERFLOW) * sizeof(struct entry);
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

bool blocks_open(struct blocks *blocks)
{
    memset(blocks, 0, sizeof *blocks);
    blocks->bits = FIRST_BITS;
    blocks->entries = map_entries(blocks->bits);
    blocks->mapped = bytes_for(blocks->bits);
    return blocks->entries != NULL;
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

static uint64_t key_address(uint64_t key)
{
    return key >> BLOCKS_BORN_BITS << 3;
}

static bool fits(const struct block *block)
{
    return block->size >> 32 == 0 && (block->address & 7) == 0;
}

static struct block unpack(const struct blocks *blocks, struct entry entry)
{
    return (struct block){.address = key_address(entry.key),
                          .size = (uint32_t)entry.value,
                          .site = (uint32_t)(entry.value >> 32),
                          .born = (uint32_t)(entry.key & BLOCKS_BORN_MASK) << blocks->age_shift};
}

/* Moves everything into a table of twice the size, in order, so both are walked through once. */
static bool grow(struct blocks *blocks)
{
    struct blocks larger = *blocks;
    larger.bits++;
    larger.entries = map_entries(larger.bits);
    larger.mapped = bytes_for(larger.bits);
    if (!larger.entries)
        return false;
    size_t all = blocks->mapped / sizeof(struct entry);
    const size_t step = ((size_t)4 << 20) / sizeof(struct entry);
    for (size_t i = 0; i < all; i++) {
        if (blocks->entries[i].key) {
            size_t place = blocks_home(&larger, key_address(blocks->entries[i].key));
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
static uint64_t born_bits(struct blocks *blocks, uint32_t tick)
{
    while (tick >> blocks->age_shift > BLOCKS_BORN_MASK) {
        blocks->age_shift++;
        size_t all = blocks->mapped / sizeof(struct entry);
        for (size_t i = 0; i < all; i++) {
            uint64_t key = blocks->entries[i].key;
            blocks->entries[i].key = (key & ~BLOCKS_BORN_MASK) | (key & BLOCKS_BORN_MASK) >> 1;
        }
    }
    return tick >> blocks->age_shift;
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

static bool take_odd(struct blocks *blocks, uint64_t address, struct block *block)
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

int blocks_put(struct blocks *blocks, const struct block *block, struct block *old)
{
    if (__builtin_expect(!fits(block), 0))
        return put_odd(blocks, block, old);
    uint64_t born = born_bits(blocks, block->born);
    struct entry entry = {block->address << (BLOCKS_BORN_BITS - 3) | born,
                          (uint64_t)block->site << 32 | (uint32_t)block->size};
    int found = 0;
    if (__builtin_expect(blocks->odd != NULL, 0))
        found = take_odd(blocks, block->address, old);
    size_t place = blocks_home(blocks, block->address);
    for (;; place++) {
        uint64_t key = blocks->entries[place].key;
        if (key == 0)
            break;
        if (key_address(key) == block->address) {
            *old = unpack(blocks, blocks->entries[place]);
            blocks->entries[place] = entry;
            return 1;
        }
    }
    blocks->entries[place] = entry;
    blocks->count++;
    size_t homes = (size_t)1 << blocks->bits;
    if (blocks->count > homes / 8 * 5 || place > homes + OVERFLOW - 64) {
        if (!grow(blocks))
            return -1;
    }
    return found;
}

bool blocks_move(struct blocks *blocks, const struct block *block, struct block *old)
{
    uint64_t born = born_bits(blocks, block->born);
    for (size_t place = blocks_home(blocks, block->address); blocks->entries[place].key; place++) {
        struct entry *entry = &blocks->entries[place];
        if (key_address(entry->key) == block->address) {
            *old = unpack(blocks, *entry);
            entry->key = (entry->key & ~BLOCKS_BORN_MASK) | born;
            entry->value = (uint64_t)block->site << 32 | (uint32_t)entry->value;
            return true;
        }
    }
    return false; /* nor any of 4 GiB: what moves are small objects */
}

bool blocks_take(struct blocks *blocks, uint64_t address, struct block *block)
{
    size_t place = blocks_home(blocks, address);
    struct entry *entries = blocks->entries;
    for (;; place++) {
        uint64_t key = entries[place].key;
        if (key == 0)
            return blocks->odd && take_odd(blocks, address, block);
        if (key_address(key) == address)
            break;
    }
    if (address & 7) /* its neighbour's entry */
        return blocks->odd && take_odd(blocks, address, block);
    *block = unpack(blocks, entries[place]);
    blocks->count--;
    /* Close the gap: whoever sits behind it and could sit in it moves there. */
    size_t gap = place;
    for (place++; entries[place].key; place++) {
        if (blocks_home(blocks, key_address(entries[place].key)) <= gap) {
            entries[gap] = entries[place];
            gap = place;
        }
    }
    entries[gap].key = 0;
    return true;
}

void blocks_prefetch(const struct blocks *blocks, uint64_t address)
{
    __builtin_prefetch(&blocks->entries[blocks_home(blocks, address)]);
}

void blocks_each(const struct blocks *blocks, void (*visit)(void *, const struct block *), void *data)
{
    size_t all = blocks->mapped / sizeof(struct entry);
    for (size_t i = 0; i < all; i++) {
        if (blocks->entries[i].key) {
            struct block block = unpack(blocks, blocks->entries[i]);
            visit(data, &block);
        }
    }
    const struct odd_block *odd, *next;
    HASH_ITER(hh, blocks->odd, odd, next)
    {
        visit(data, &odd->block);
    }
}
