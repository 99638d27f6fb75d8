/* blocks.c - see blocks.h. */
#include "blocks.h"

#include <stdlib.h>
#include <string.h>
#include <uthash.h>

#define FIRST_HOMES 1024
#define SMALL_HOMES 65536 /* smaller tables stay emptier: they fit the cache anyway */

struct odd_block {
    uint64_t address; /* key */
    struct block block;
    UT_hash_handle hh;
};

static size_t all_buckets(const struct blocks *blocks)
{
    return blocks->homes + BLOCKS_BEHIND;
}

/* Memory for so many homes; false if there is none. */
static bool make_room(struct blocks *blocks, size_t homes)
{
    size_t all = homes + BLOCKS_BEHIND;
    if (!grow_to(&blocks->bucket_memory, all * sizeof *blocks->buckets))
        return false;
    blocks->buckets = blocks->bucket_memory.memory;
    return true;
}

static void set_limit(struct blocks *blocks)
{
    blocks->limit = BUCKET * blocks->homes / 16 * (blocks->homes < SMALL_HOMES ? 7 : 9);
}

bool blocks_open(struct blocks *blocks)
{
    memset(blocks, 0, sizeof *blocks);
    if (!make_room(blocks, FIRST_HOMES))
        return false;
    blocks->homes = FIRST_HOMES;
    set_limit(blocks);
    return true;
}

void blocks_close(struct blocks *blocks)
{
    struct odd_block *odd, *next;
    HASH_ITER(hh, blocks->odd, odd, next)
    {
        HASH_DEL(blocks->odd, odd);
        free(odd);
    }
    grow_free(&blocks->bucket_memory);
    memset(blocks, 0, sizeof *blocks);
}

size_t blocks_count(const struct blocks *blocks)
{
    return blocks->count + HASH_COUNT(blocks->odd);
}

/* A block more goes on from this bucket, or a block less. */
static void count_passed(struct bucket *bucket, int by)
{
    if ((bucket->entry[0].value & BLOCKS_PASSED) != BLOCKS_PASSED)
        bucket->entry[0].value += (uint64_t)by << BLOCKS_PASSED_SHIFT;
}

/* Puts an entry into the first free place from its home on; its address is known not to be there. */
static void place(struct blocks *blocks, struct entry entry)
{
    size_t at = blocks_home(blocks, blocks_key_address(entry.key)), last = all_buckets(blocks) - 2;
    unsigned free_ones;
    entry.value &= ~BLOCKS_PASSED; /* of the bucket that it was in */
    while (!(free_ones = bucket_find(&blocks->buckets[at], 0)))
        count_passed(&blocks->buckets[at++], 1);
    bucket_put(&blocks->buckets[at], (unsigned)__builtin_ctz(free_ones), entry);
    blocks->crowded |= at >= last;
    blocks->count++;
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

/* Entries that belong further to the front than the walk has come. */
struct early {
    struct entry entry[4096];
    unsigned count;
};

static void put_by(struct blocks *blocks, struct early *early, struct entry entry)
{
    const struct block block = blocks_unpack(blocks, entry);
    if (early->count < sizeof early->entry / sizeof early->entry[0])
        early->entry[early->count++] = entry;
    else
        put_odd(blocks, &block); /* never seen: thousands that went on hundreds of buckets from home */
}

/* Walks from the end to the front: where a block goes, further back, everything has moved already. Only near
 * the front may one that had gone on from its home come to a place that is still to be walked through; it
 * waits. */
static bool grow(struct blocks *blocks)
{
    static struct early early;
    size_t all = all_buckets(blocks), homes = blocks->homes;
    homes += homes < SMALL_HOMES ? homes : homes / 4;
    if (!make_room(blocks, homes))
        return false;
    blocks->homes = homes;
    blocks->crowded = false;
    blocks->count = 0;
    early.count = 0;
    for (size_t at = all; at-- > 0;) {
        struct bucket bucket = blocks->buckets[at];
        blocks->buckets[at] = (struct bucket){0};
        for (unsigned k = 0; k < BUCKET; k++) {
            if (!bucket.entry[k].key)
                continue;
            if (blocks_home(blocks, blocks_key_address(bucket.entry[k].key)) >= at)
                place(blocks, bucket.entry[k]);
            else
                put_by(blocks, &early, bucket.entry[k]);
        }
    }
    while (early.count > 0)
        place(blocks, early.entry[--early.count]);
    set_limit(blocks);
    return true;
}

/* Births are kept in 20 bits; when the run gets older than they can tell, all lose one bit. */
static void age(struct blocks *blocks, uint32_t tick)
{
    while (tick >> blocks->age_shift > BLOCKS_BORN_MASK) {
        blocks->age_shift++;
        struct entry *entry = blocks->buckets[0].entry, *end = blocks->buckets[all_buckets(blocks)].entry;
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
    while (!(address & 7) && !(found = bucket_find(&blocks->buckets[at], address)) &&
           bucket_passed(&blocks->buckets[at]))
        at++;
    if (found) {
        struct entry *entry = &blocks->buckets[at].entry[__builtin_ctz(found)];
        *block = blocks_unpack(blocks, *entry);
        entry->key = 0;
        blocks->count--;
        for (; home < at; home++)
            count_passed(&blocks->buckets[home], -1);
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

int blocks_put_slow(struct blocks *blocks, const struct block *block, struct block *old)
{
    int found = blocks_take_slow(blocks, block->address, old);
    age(blocks, block->born);
    if (blocks_odd(blocks, block))
        return put_odd(blocks, block) ? found : -1;
    if ((blocks->count >= blocks->limit || blocks->crowded) && !grow(blocks))
        return -1;
    place(blocks, blocks_pack(blocks, block));
    return found;
}

bool blocks_move_slow(struct blocks *blocks, const struct block *block, struct block *old)
{
    struct block moved = *block, none;
    if (!blocks_take_slow(blocks, block->address, old))
        return false;
    moved.size = old->size;
    return blocks_put_slow(blocks, &moved, &none) >= 0;
}

void blocks_each(const struct blocks *blocks, void (*visit)(void *, const struct block *), void *data)
{
    const struct entry *entry = blocks->buckets[0].entry, *end = blocks->buckets[all_buckets(blocks)].entry;
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
