/* children.c - see children.h.
 *
 * An entry goes into the first free place of a few lines, so that two threads that add the same one find each
 * other. A table that gets full is followed by one four times as large, to which its entries are copied. What
 * others add to the old one after that is still found there, until the next one is made.
 */
#include "children.h"
#include "guest.h"
#include "guest_assert.h"
#include "processor.h"
#include "stack_cache.h"
#include "stacks.h"

#include <stdatomic.h>
#include <stdbool.h>

#define LINE 8u
#define LINES 8u      /* an entry may be in any: a table gets fuller while a thread copies it */
#define FIRST_BITS 6u /* log2 of the lines: 4 KiB */
#define LAST_BITS 20u /* 64 MiB, eight million children */
#define NODE_BITS STACK_CACHE_NODE_BITS
#define NODES ((1ull << NODE_BITS) - 1)

/* A table's address, which is that of a page; the low bits hold log2 of its lines. 0 = none. */
static _Atomic uintptr_t now, before;
static _Atomic uint64_t used; /* entries of now */
static _Atomic bool growing;  /* stays true if a signal handler jumps out of grow() */

typedef _Atomic uint64_t entry;

static unsigned bits_of(uintptr_t table)
{
    return table & 63;
}

static size_t bytes_of(unsigned bits)
{
    return (sizeof(entry) * LINE) << bits;
}

static void *lines_of(uintptr_t table)
{
    return (void *)(table & ~(uintptr_t)63);
}

static uint64_t hash_of(uint64_t key)
{
    return stack_cache_hash(key, 0);
}

/* The n-th line where an entry may be, chosen by other bits of the hash than those that the entry holds. */
static entry *line_of(uintptr_t table, uint64_t hash, unsigned n)
{
    uint64_t mask = (1ull << bits_of(table)) - 1, line = n ? (hash >> 5 ^ hash * 3) + n : hash;
    return (entry *)lines_of(table) + (line & mask) * LINE;
}

static inline bool is_entry_of(uint64_t found, uint64_t hash, uint64_t key)
{
    return (found ^ hash) >> NODE_BITS == 0 && stacks_node((uint32_t)(found & NODES)) == key;
}

static uint32_t find_in_line(entry *line, uint64_t hash, uint64_t key)
{
    unsigned likely = processor_high_halves(line, (uint32_t)(hash >> 32));
    for (; likely; likely &= likely - 1) {
        uint64_t found = atomic_load_explicit(&line[__builtin_ctz(likely)], memory_order_relaxed);
        if (LIKELY(is_entry_of(found, hash, key)))
            return (uint32_t)(found & NODES);
    }
    return 0;
}

static uint32_t find(uintptr_t table, uint64_t hash, uint64_t key)
{
    for (unsigned n = 0; n < LINES; n++) {
        entry *line = line_of(table, hash, n);
        uint32_t node = find_in_line(line, hash, key);
        if (node || atomic_load_explicit(&line[LINE - 1], memory_order_relaxed) == 0)
            return node;
    }
    return 0;
}

uint32_t children_find(uint64_t key)
{
    uint64_t hash = hash_of(key);
    uintptr_t table = atomic_load_explicit(&now, memory_order_acquire), older;
    uint32_t node = table ? find(table, hash, key) : 0;
    if (LIKELY(node) || !(older = atomic_load_explicit(&before, memory_order_acquire)))
        return node;
    return find(older, hash, key);
}

/* Returns the child that is in the table afterwards; 0 = all lines are full. */
static uint32_t add(uintptr_t table, uint64_t key, uint32_t node, bool *is_new)
{
    uint64_t hash = hash_of(key);
    guest_assert(table && node && node <= NODES);
    for (unsigned n = 0; n < LINES; n++) {
        entry *line = line_of(table, hash, n);
        for (unsigned i = 0; i < LINE; i++) {
            uint64_t found = atomic_load_explicit(&line[i], memory_order_relaxed);
            uint64_t ours = (hash & ~NODES) | node;
            if (found == 0 && atomic_compare_exchange_strong_explicit(
                                  &line[i], &found, ours, memory_order_release, memory_order_relaxed)) {
                *is_new = true;
                return node;
            }
            if (is_entry_of(found, hash, key))
                return (uint32_t)(found & NODES);
        }
    }
    return 0;
}

static void let_go(uintptr_t table)
{
    if (table)
        guest_release(lines_of(table), bytes_of(bits_of(table)));
}

static uint64_t copy(uintptr_t from, uintptr_t to)
{
    const entry *entries = lines_of(from);
    uint64_t copied = 0;
    for (size_t i = 0; from && i < LINE << bits_of(from); i++) {
        uint32_t node = (uint32_t)(atomic_load_explicit(&entries[i], memory_order_relaxed) & NODES);
        bool is_new = false;
        if (node)
            add(to, stacks_node(node), node, &is_new);
        copied += is_new;
    }
    return copied;
}

/* A larger table with all entries of this one, and those that were added to the one before it meanwhile: first
 * into this one, as for a moment it will be both `now` and `before`. 0 = no memory. */
static NOINLINE uintptr_t larger(uintptr_t table, uint64_t *copied)
{
    unsigned bits = table ? bits_of(table) + 2 : FIRST_BITS;
    void *memory = guest_table(bytes_of(bits));
    if (!memory)
        return 0;
    uintptr_t next = (uintptr_t)memory | bits;
    guest_assert(bits <= LAST_BITS && (next & 63) == bits);
    if (table)
        copy(atomic_load(&before), table);
    *copied = copy(table, next) + copy(atomic_load(&before), next); /* again: this one may be full */
    return next;
}

/* Does nothing if another thread is growing it. */
static NOINLINE void grow(uintptr_t table)
{
    uint64_t copied = 0;
    if (atomic_exchange(&growing, true))
        return;
    uintptr_t next = table == atomic_load(&now) ? larger(table, &copied) : 0;
    if (next) {
        let_go(atomic_exchange(&before, table));
        atomic_store(&used, copied);
        atomic_store_explicit(&now, next, memory_order_release);
    }
    atomic_store(&growing, false);
}

uint32_t children_add(uint64_t key, uint32_t node)
{
    uintptr_t table = atomic_load_explicit(&now, memory_order_acquire), done = 0;
    bool is_new = false;
    if (UNLIKELY(!table || (bits_of(table) < LAST_BITS && atomic_load_explicit(&used, memory_order_relaxed) >=
                                                              LINE * 3 / 4 << bits_of(table)))) {
        grow(table);
        table = atomic_load_explicit(&now, memory_order_acquire);
    }
    /* If others have copied a table before this entry was in it, it is added to the next one as well. */
    while (table != done) {
        uint32_t child = add(table, key, node, &is_new);
        if (child)
            node = child;
        else if (bits_of(table) < LAST_BITS)
            grow(table);
        done = table;
        table = atomic_load_explicit(&now, memory_order_acquire);
    }
    if (is_new)
        atomic_fetch_add_explicit(&used, 1, memory_order_relaxed);
    return node;
}

void children_forget(void)
{
    /* A hook that the forking signal handler interrupted may be reading these. */
    let_go(atomic_exchange(&now, 0));
    let_go(atomic_exchange(&before, 0));
    atomic_store(&used, 0);
    atomic_store(&growing, false);
}
