/* content_counts.c - see content_counts.h. */
#include "content_counts.h"

#include <stdbool.h>
#include <string.h>

uint64_t content_hash(const void *bytes, size_t size)
{
    const unsigned char *from = bytes;
    uint64_t hash = size * 0x9e3779b97f4a7c15ull, any = 0;
    for (size_t i = 0; i < size; i += sizeof(uint64_t)) {
        uint64_t word = 0;
        memcpy(&word, from + i, size - i < sizeof word ? size - i : sizeof word);
        any |= word;
        hash = (hash ^ word) * 0xff51afd7ed558ccdull; /* the multipliers of MurmurHash3's end */
        hash ^= hash >> 32;
    }
    hash *= 0xc4ceb9fe1a85ec53ull;
    hash ^= hash >> 29;
    return any ? hash | 1 : 0;
}

int content_order(const void *a, const void *b)
{
    const struct content_key *x = a, *y = b;
    if (x->site != y->site)
        return x->site < y->site ? -1 : 1;
    if (x->size != y->size)
        return x->size < y->size ? -1 : 1;
    if (x->hash != y->hash)
        return x->hash < y->hash ? -1 : 1;
    return (x->address > y->address) - (x->address < y->address);
}

static void add(struct content_counts *counts, const struct content_key *key, uint32_t equal)
{
    counts->blocks += equal;
    counts->bytes += (uint64_t)equal * key->size;
    if (equal > 1 && key->hash) {
        counts->contents++;
        counts->contents_bytes += key->size;
    } else {
        counts->alone += equal;
        counts->alone_bytes += (uint64_t)equal * key->size;
    }
}

size_t content_count(const void *keys, size_t stride, size_t count, struct content_counts *counts)
{
    const char *at = keys;
    const struct content_key *first = keys, *before = first;
    uint32_t equal = 1;
    size_t i = 1;
    *counts = (struct content_counts){0};
    for (; i < count; i++) {
        const struct content_key *key = (const void *)(at + i * stride);
        if (key->site != first->site)
            break;
        bool same = key->size == before->size && key->hash == before->hash;
        if (same && key->address == before->address)
            continue;
        if (!same)
            add(counts, before, equal);
        equal = same ? equal + 1 : 1;
        before = key;
    }
    add(counts, before, equal);
    return i;
}
