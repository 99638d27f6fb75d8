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
    blocks->limit = BUCKET * blocks->homes / 16 * (blocks->homes < SMALL_HOMES ? 7 : 12);
    blocks->plain_limit = blocks->crowded || blocks->odd ? 0 : blocks->limit;
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
    if ((bucket->value[0] & BLOCKS_PASSED) != BLOCKS_PASSED)
        bucket->value[0] += (uint64_t)by << BLOCKS_PASSED_SHIFT;
}

/* Puts an entry into the first free place from its home on; its address is known not to be there. */
static void place(struct blocks *blocks, struct entry entry)
{
    size_t at = blocks_home(blocks, blocks_entry_address(entry)), last = all_buckets(blocks) - 2;
    unsigned free_ones;
    while (!(free_ones = bucket_free(&blocks->buckets[at])))
        count_passed(&blocks->buckets[at++], 1);
    struct bucket *bucket = &blocks->buckets[at];
    unsigned k = (unsigned)__builtin_ctz(free_ones);
    bucket->low[k] = entry.low;
    bucket->rest[k] = entry.rest;
    /* The count of those that passed is of the bucket that it is in, not of the one that it was in. */
    bucket->value[k] = (entry.value & ~BLOCKS_PASSED) | (bucket->value[k] & BLOCKS_PASSED);
    if (at >= last) {
        blocks->crowded = true;
        set_limit(blocks);
    }
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
    set_limit(blocks);
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
    homes += homes < SMALL_HOMES ? homes : homes / 2;
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
            struct entry entry = bucket_get(&bucket, k);
            if (!entry.low)
                continue;
            if (blocks_home(blocks, blocks_entry_address(entry)) >= at)
                place(blocks, entry);
            else
                put_by(blocks, &early, entry);
        }
    }
    while (early.count > 0)
        place(blocks, early.entry[--early.count]);
    set_limit(blocks);
    return true;
}

void blocks_age_slow(struct blocks *blocks, uint32_t tick)
{
    while (tick >> blocks->age_shift > BLOCKS_BORN_MASK) {
        blocks->age_shift++;
        struct bucket *bucket = blocks->buckets, *end = bucket + all_buckets(blocks);
        for (; bucket < end; bucket++)
            for (unsigned k = 0; k < BUCKET; k++)
                bucket->rest[k] =
                    (bucket->rest[k] & ~BLOCKS_BORN_MASK) | (bucket->rest[k] & BLOCKS_BORN_MASK) >> 1;
    }
}

/* Takes a block that went on from its home, or is odd. */
bool blocks_take_slow(struct blocks *blocks, uint64_t address, struct block *block)
{
    struct odd_block *odd;
    size_t home = blocks_home(blocks, address), at = home;
    unsigned found;
    while (!(found = bucket_find(&blocks->buckets[at], blocks_key(address))) &&
           bucket_passed(&blocks->buckets[at]))
        at++;
    if (found) {
        struct bucket *bucket = &blocks->buckets[at];
        *block = blocks_unpack(blocks, bucket_get(bucket, (unsigned)__builtin_ctz(found)));
        bucket_clear(bucket, (unsigned)__builtin_ctz(found));
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
    set_limit(blocks);
    return true;
}

int blocks_put_slow(struct blocks *blocks, const struct block *block, struct block *old)
{
    int found = blocks_take_slow(blocks, block->address, old);
    if (blocks_odd(block))
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
    const struct bucket *bucket = blocks->buckets, *end = bucket + all_buckets(blocks);
    for (; bucket < end; bucket++) {
        for (unsigned k = 0; k < BUCKET; k++) {
            if (bucket->low[k]) {
                struct block block = blocks_unpack(blocks, bucket_get(bucket, k));
                visit(data, &block);
            }
        }
    }
    const struct odd_block *odd, *next;
    HASH_ITER(hh, blocks->odd, odd, next)
    {
        visit(data, &odd->block);
    }
}
