/* heap.c - a large live heap: a hash table of 10 million entries, then every sixth replaced, then most of it
 * freed.
 *
 *   heap [ENTRIES]
 *
 * A tenth of the entries is left to the end: blocks that a report shows as never freed.
 */
#include "bench.h"

#include <string.h>

struct entry {
    struct entry *next;
    uint64_t key;
    char text[];
};

static struct entry **table;
static uint64_t table_mask;
static uint64_t allocations, frees, bytes;

static uint64_t hash(uint64_t key)
{
    return key * 0x9e3779b97f4a7c15ull >> 20 & table_mask;
}

static NOINLINE struct entry *new_entry(uint64_t key)
{
    size_t size = sizeof(struct entry) + 8 + key % 7 * 8;
    struct entry *entry = malloc(size);
    if (!entry)
        abort();
    allocations++;
    bytes += size;
    entry->key = key;
    entry->next = NULL;
    memset(entry->text, (int)key, 8);
    return entry;
}

static NOINLINE void insert(uint64_t key)
{
    struct entry *entry = new_entry(key), **bucket = &table[hash(key)];
    entry->next = *bucket;
    *bucket = entry;
}

static NOINLINE int delete (uint64_t key)
{
    for (struct entry **place = &table[hash(key)]; *place; place = &(*place)->next) {
        struct entry *entry = *place;
        if (entry->key == key) {
            *place = entry->next;
            free(entry);
            frees++;
            return 1;
        }
    }
    return 0;
}

static NOINLINE void fill(uint64_t count)
{
    for (uint64_t key = 0; key < count; key++)
        insert(key);
}

static NOINLINE uint64_t replace(uint64_t count)
{
    uint64_t random = 7, done = 0;
    for (uint64_t i = 0; i < count / 6; i++) {
        uint64_t key = bench_random(&random) % count;
        if (delete (key)) {
            insert(key);
            done++;
        }
    }
    return done;
}

static NOINLINE void empty(uint64_t count)
{
    for (uint64_t key = 0; key < count; key++)
        if (key % 10)
            delete (key);
}

int main(int argc, char **argv)
{
    uint64_t count = (uint64_t)bench_argument(argc, argv, 1, 10000000);
    uint64_t buckets = 1;
    while (buckets < count)
        buckets *= 2;
    table_mask = buckets - 1;
    table = calloc(buckets, sizeof *table);
    if (!table)
        return 1;
    allocations++;
    bytes += buckets * sizeof *table;
    fill(count);
    uint64_t check = replace(count);
    empty(count);
    bench_result(check, allocations, frees, bytes);
    return 0;
}
