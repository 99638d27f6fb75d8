/* stack_cache.c - see stack_cache.h.
 *
 * A table that gets full is followed by one four times as large. Its stacks are copied when they are next
 * looked up; those that were not by the time of the next table are forgotten.
 */
#include "stack_cache.h"
#include "guest_assert.h"
#include "processor.h"
#include "stacks.h"

#include <stdbool.h>

#define FIRST_BITS 6u /* log2 of the lines: 4 KiB */
#define LAST_BITS 20u /* 64 MiB, eight million stacks: then new ones replace old ones */

#define HOMECOMING 16u /* one in so many hits elsewhere in the line moves the stack to its home */

#define NODES ((1ull << STACK_CACHE_NODE_BITS) - 1)

_Static_assert(WIRE_NODE_BASE(WIRE_NODE_SEGMENTS) < 1u << STACK_CACHE_NODE_BITS, "nodes fit an entry");

/* The initial table: two lines that stay empty, so that look-ups need not check whether there is a table. */
_Atomic uint64_t stack_cache_nothing[2 * STACK_CACHE_LINE] __attribute__((aligned(64)));
#define NOTHING ((stack_cache_table)stack_cache_nothing + 63)

struct stack_cache stack_cache_by_frames = {.now = NOTHING}, stack_cache_by_words = {.now = NOTHING};

static unsigned bits_of(stack_cache_table table)
{
    return 64 - (unsigned)(table & 63);
}

static void *lines_of(stack_cache_table table)
{
    return (void *)(table & ~(stack_cache_table)63);
}

static size_t bytes_of_bits(unsigned bits)
{
    return (sizeof(uint64_t) * STACK_CACHE_LINE) << bits;
}

static size_t bytes_of(stack_cache_table table)
{
    return bytes_of_bits(bits_of(table));
}

/* The i-th place for a stack: its home pair, then the others of the line. */
static _Atomic uint64_t *place_of(_Atomic uint64_t *home, unsigned i)
{
    return (_Atomic uint64_t *)((uintptr_t)home ^ i * sizeof *home);
}

/* Moves a stack that was hit often to its home, so that it is found there the next time. Rarely: if three
 * stacks compete for a pair, or threads do, nothing is gained, and the cache line is shared. A thread that
 * looks at the same time may miss one of them, which is then put again. */
static void bring_home(_Atomic uint64_t *home, unsigned from)
{
    static __thread uint32_t turn __attribute__((tls_model("initial-exec")));
    if (++turn % HOMECOMING)
        return;
    uint64_t wanted = atomic_load_explicit(place_of(home, from), memory_order_relaxed);
    uint64_t one = atomic_load_explicit(&home[0], memory_order_relaxed);
    uint64_t other = atomic_load_explicit(&home[1], memory_order_relaxed);
    atomic_store_explicit(place_of(home, from), other, memory_order_relaxed);
    atomic_store_explicit(&home[1], one, memory_order_relaxed);
    atomic_store_explicit(&home[0], wanted, memory_order_relaxed);
}

static _Atomic uint64_t *line_of(_Atomic uint64_t *home)
{
    return (_Atomic uint64_t *)((uintptr_t)home & ~(STACK_CACHE_LINE * sizeof *home - 1));
}

static inline uint32_t find_in_line(_Atomic uint64_t *home, uint64_t hash)
{
    _Atomic uint64_t *line = line_of(home);
    unsigned likely = processor_high_halves(line, (uint32_t)(hash >> 32));
    for (; likely; likely &= likely - 1) {
        unsigned i = (unsigned)__builtin_ctz(likely);
        uint64_t entry = atomic_load_explicit(&line[i], memory_order_relaxed);
        if (UNLIKELY((entry ^ hash) >> STACK_CACHE_NODE_BITS || (entry & NODES) == 0))
            continue;
        unsigned from = i ^ (unsigned)(home - line);
        if (from > 1)
            bring_home(home, from);
        return (uint32_t)(entry & NODES);
    }
    return 0;
}

static bool is_full(_Atomic uint64_t *home)
{
    _Atomic uint64_t *line = line_of(home);
    for (unsigned likely = processor_high_halves(line, 0); likely; likely &= likely - 1)
        if (atomic_load_explicit(&line[__builtin_ctz(likely)], memory_order_relaxed) == 0)
            return false;
    return true;
}

static inline struct stack_cache_key elsewhere(struct stack_cache_key key)
{
    return stack_cache_elsewhere(key.hash);
}

/* Nothing is ever removed, so an entry is in the other line only if this one was full. */
static uint32_t find(stack_cache_table table, struct stack_cache_key key)
{
    _Atomic uint64_t *home = stack_cache_home(table, key);
    uint32_t node = find_in_line(home, key.hash);
    if (node || key.near == elsewhere(key).near || !is_full(home))
        return node;
    return find_in_line(stack_cache_home(table, elsewhere(key)), key.hash);
}

/* Not marked cold: in a table that is half full about every fourth stack is not at home. */
__attribute__((noinline)) uint32_t stack_cache_find_slow(struct stack_cache *cache,
                                                         struct stack_cache_key key)
{
    stack_cache_table table = atomic_load_explicit(&cache->now, memory_order_acquire), older;
    uint32_t node = find(table, key);
    if (node || !(older = atomic_load_explicit(&cache->before, memory_order_acquire)))
        return node;
    node = find(older, key);
    if (node)
        stack_cache_put(cache, key, node);
    return node;
}

__attribute__((noinline)) uint32_t stack_cache_find_in_line(const struct stack_cache *cache,
                                                            struct stack_cache_key key)
{
    return find(atomic_load_explicit(&cache->now, memory_order_acquire), key);
}

/* The memory of old tables is released but stays mapped, as others may be reading it: it reads as empty. */
static void let_go(stack_cache_table table)
{
    if (table && table != NOTHING)
        guest_release(lines_of(table), bytes_of(table));
}

static void grow(struct stack_cache *cache, stack_cache_table table)
{
    unsigned bits = table != NOTHING ? bits_of(table) + 2 : FIRST_BITS;
    void *memory = guest_table(bytes_of_bits(bits));
    if (!memory)
        return;
    let_go(atomic_exchange(&cache->before, table));
    atomic_store(&cache->used, 0);
    atomic_store_explicit(&cache->now, (uintptr_t)memory | (64 - bits), memory_order_release);
}

static _Atomic uint64_t *free_place(_Atomic uint64_t *home)
{
    for (unsigned i = 0; i < STACK_CACHE_LINE; i++)
        if (atomic_load_explicit(place_of(home, i), memory_order_relaxed) == 0)
            return place_of(home, i);
    return NULL;
}

/* Not marked cold: one in thirty of deep's stacks gets here. */
__attribute__((noinline)) void stack_cache_put(struct stack_cache *cache, struct stack_cache_key key,
                                               uint32_t node)
{
    stack_cache_table table = atomic_load_explicit(&cache->now, memory_order_acquire);
    bool full = table == NOTHING || (bits_of(table) < LAST_BITS &&
                                     atomic_load(&cache->used) >= STACK_CACHE_LINE * 3 / 4 << bits_of(table));
    if (full && !atomic_exchange(&cache->growing, true)) {
        if (table == atomic_load(&cache->now))
            grow(cache, table);
        atomic_store(&cache->growing, false);
        table = atomic_load_explicit(&cache->now, memory_order_acquire);
    }
    if (table == NOTHING)
        return;
    guest_assert(node && node <= NODES && bits_of(table) <= LAST_BITS);
    _Atomic uint64_t *place = free_place(stack_cache_home(table, key));
    if (!place)
        place = free_place(stack_cache_home(table, elsewhere(key)));
    if (place)
        atomic_fetch_add_explicit(&cache->used, 1, memory_order_relaxed);
    else
        place = stack_cache_home(table, elsewhere(key));
    atomic_store_explicit(place, (key.hash & ~NODES) | node, memory_order_relaxed);
}

static void forget(struct stack_cache *cache)
{
    stack_cache_table tables[] = {atomic_exchange(&cache->now, NOTHING), atomic_exchange(&cache->before, 0)};
    for (unsigned i = 0; i < 2; i++)
        let_go(tables[i]); /* a hook that the forking signal handler interrupted may be reading it */
    atomic_store(&cache->used, 0);
    atomic_store(&cache->growing, false);
}

void stack_cache_forget(void)
{
    forget(&stack_cache_by_frames);
    forget(&stack_cache_by_words);
}
