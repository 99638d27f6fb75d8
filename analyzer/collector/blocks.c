/* blocks.c - see blocks.h. */
#define _GNU_SOURCE
#include "blocks.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <uthash.h>

#define FIRST_BITS 10
#define HUGE_BITS 16 /* from 4 MiB on, huge pages save TLB misses */
#define PASSED_MAX 255

struct odd_block {
    uint64_t address; /* key */
    struct block block;
    UT_hash_handle hh;
};

static size_t all_buckets(unsigned bits)
{
    return ((size_t)1 << bits) + BLOCKS_BEHIND;
}

/* Takes memory for a table of this size; false if there is none. Small ones stay emptier: they fit the cache
 * anyway. */
static bool make_table(struct blocks *blocks, unsigned bits)
{
    size_t count = all_buckets(bits), size = count * (sizeof(struct bucket) + 1);
    void *memory =
        mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED)
        return false;
    if (bits >= HUGE_BITS)
        madvise(memory, size, MADV_HUGEPAGE);
    blocks->buckets = memory;
    blocks->passed = (uint8_t *)(blocks->buckets + count);
    blocks->mapped = size;
    blocks->bits = bits;
    blocks->limit = ((size_t)BUCKET << bits) / 16 * (bits < HUGE_BITS ? 7 : 9);
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
    if (blocks->buckets)
        munmap(blocks->buckets, blocks->mapped);
    memset(blocks, 0, sizeof *blocks);
}

size_t blocks_count(const struct blocks *blocks)
{
    return blocks->count + HASH_COUNT(blocks->odd);
}

/* Puts an entry into the first free place from its home on; its address is known not to be there. */
static void place(struct blocks *blocks, struct entry entry)
{
    size_t at = blocks_home(blocks, blocks_key_address(entry.key)), last = all_buckets(blocks->bits) - 2;
    unsigned free_ones;
    while (!(free_ones = bucket_find(&blocks->buckets[at], 0))) {
        if (blocks->passed[at] < PASSED_MAX)
            blocks->passed[at]++;
        at++;
    }
    blocks->buckets[at].entry[__builtin_ctz(free_ones)] = entry;
    blocks->crowded |= at >= last;
    blocks->count++;
}

/* Moves everything into a table of twice the size, in order, so both are walked through once. */
static bool grow(struct blocks *blocks)
{
    struct blocks larger = *blocks;
    if (!make_table(&larger, blocks->bits + 1))
        return false;
    larger.count = 0;
    size_t all = all_buckets(blocks->bits);
    const size_t step = ((size_t)4 << 20) / sizeof(struct bucket);
    for (size_t i = 0; i < all; i++) {
        for (unsigned k = 0; k < BUCKET; k++)
            if (blocks->buckets[i].entry[k].key)
                place(&larger, blocks->buckets[i].entry[k]);
        if ((i + 1) % step == 0) /* what was moved is given back at once */
            madvise(blocks->buckets + i + 1 - step, step * sizeof(struct bucket), MADV_DONTNEED);
    }
    munmap(blocks->buckets, blocks->mapped);
    *blocks = larger;
    return true;
}

/* Births are kept in 20 bits; when the run gets older than they can tell, all lose one bit. */
static void age(struct blocks *blocks, uint32_t tick)
{
    while (tick >> blocks->age_shift > BLOCKS_BORN_MASK) {
        blocks->age_shift++;
        struct entry *entry = blocks->buckets[0].entry,
                     *end = blocks->buckets[all_buckets(blocks->bits)].entry;
        for (; entry < end; entry++)
            entry->key = (entry->key & ~BLOCKS_BORN_MASK) | (entry->key & BLOCKS_BORN_MASK) >> 1;
    }
}

/* Takes a block that went on from its home, or is odd. */
bool blocks_take_slow(struct blocks *blocks, uint64_t address, struct block *block)
{
    struct odd_block *odd;
    size_t home = blocks_home(blocks, address), at = home;
    unsigned found = 0;
    while (!(address & 7) && !(found = bucket_find(&blocks->buckets[at], address)) && blocks->passed[at])
        at++;
    if (found) {
        struct entry *entry = &blocks->buckets[at].entry[__builtin_ctz(found)];
        *block = blocks_unpack(blocks, *entry);
        entry->key = 0;
        blocks->count--;
        for (; home < at; home++)
            if (blocks->passed[home] < PASSED_MAX)
                blocks->passed[home]--;
        return true;
    }
    HASH_FIND(hh, blocks->odd, &address, sizeof address, odd);
    if (!odd)
        return false;
    *block = odd->block;
    HASH_DEL(blocks->odd, odd);
    free(odd);
    return true;
}

static bool put_odd(struct blocks *blocks, const struct block *block)
{
    struct odd_block *odd = malloc(sizeof *odd);
    if (!odd)
        return false;
    odd->address = block->address;
    odd->block = *block;
    HASH_ADD(hh, blocks->odd, address, sizeof odd->address, odd);
    return true;
}

int blocks_put_slow(struct blocks *blocks, const struct block *block, struct block *old)
{
    int found = blocks_take_slow(blocks, block->address, old);
    age(blocks, block->born);
    if (block->size >> 32 || block->address & 7)
        return put_odd(blocks, block) ? found : -1;
    if ((blocks->count >= blocks->limit || blocks->crowded) && !grow(blocks))
        return -1;
    place(blocks, blocks_pack(blocks, block));
    return found;
}

void blocks_each(const struct blocks *blocks, void (*visit)(void *, const struct block *), void *data)
{
    const struct entry *entry = blocks->buckets[0].entry,
                       *end = blocks->buckets[all_buckets(blocks->bits)].entry;
    for (; entry < end; entry++) {
        if (entry->key) {
            struct block block = blocks_unpack(blocks, *entry);
            visit(data, &block);
        }
    }
    const struct odd_block *odd, *next;
    HASH_ITER(hh, blocks->odd, odd, next)
    {
        visit(data, &odd->block);
    }
}
