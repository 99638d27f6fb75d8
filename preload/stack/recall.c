/* recall.c - see recall.h.
 *
 * A table that gets full is followed by one twice as large. Its stacks move over as they are looked for; what
 * nobody has asked for by the time of the next table is forgotten.
 */
#include "recall.h"
#include "stacks.h"

#include <stdbool.h>
#include <sys/mman.h>

#define FIRST_BITS 6 /* 4 KiB */
#define LAST_BITS 20 /* 64 MiB, eight million stacks: then new ones replace old ones */
#define HUGE_BITS 15 /* from 2 MiB on, huge pages save TLB misses */

_Static_assert(WIRE_NODE_BASE(WIRE_NODE_SEGMENTS) < 1u << RECALL_NODE_BITS, "nodes fit an entry");

_Atomic recall_table recall_now;
static _Atomic recall_table before; /* the previous one */
static _Atomic uint64_t used;       /* entries of recall_now */
static _Atomic bool
    growing; /* for ever, if whoever is at it is thrown out of a signal handler: this is a cache */

static size_t bytes_of(recall_table table)
{
    return (sizeof(uint64_t) * RECALL_LINE) << (table & 63);
}

/* The i-th place for a stack: its home, then the others of the line. */
static _Atomic uint64_t *place_of(_Atomic uint64_t *home, unsigned i)
{
    return (_Atomic uint64_t *)((uintptr_t)home ^ i * sizeof *home);
}

static uint32_t find(recall_table table, uint64_t hash)
{
    _Atomic uint64_t *home = recall_home(table, hash);
    for (unsigned i = 0; i < RECALL_LINE; i++) {
        uint64_t entry = atomic_load_explicit(place_of(home, i), memory_order_relaxed);
        if (entry && (entry ^ hash << RECALL_NODE_BITS) >> RECALL_NODE_BITS == 0)
            return (uint32_t)entry & ((1u << RECALL_NODE_BITS) - 1);
    }
    return 0;
}

/* Not cold: in a table that is half full every fourth stack or so is not at home. */
__attribute__((noinline)) uint32_t recall_find_slow(uint64_t hash)
{
    recall_table table = atomic_load_explicit(&recall_now, memory_order_acquire), older;
    uint32_t node = table ? find(table, hash) : 0;
    if (node || !(older = atomic_load_explicit(&before, memory_order_acquire)))
        return node;
    node = find(older, hash);
    if (node)
        recall_put(hash, node);
    return node;
}

/* Memory of old tables is given back, but stays mapped, as others may be looking at it: it reads as empty. */
static void let_go(recall_table table)
{
    int saved = errno;
    if (table)
        madvise((void *)(table & ~(recall_table)63), bytes_of(table), MADV_DONTNEED);
    errno = saved;
}

static void grow(recall_table table)
{
    recall_table larger = table ? (table & 63) + 1 : FIRST_BITS;
    void *memory = guest_pages(bytes_of(larger));
    if (!memory)
        return;
    int saved = errno;
    if (larger >= HUGE_BITS)
        madvise(memory, bytes_of(larger), MADV_HUGEPAGE);
    errno = saved;
    let_go(atomic_exchange(&before, table));
    atomic_store(&used, 0);
    atomic_store_explicit(&recall_now, (uintptr_t)memory | larger, memory_order_release);
}

NOINLINE void recall_put(uint64_t hash, uint32_t node)
{
    recall_table table = atomic_load_explicit(&recall_now, memory_order_acquire);
    bool full =
        !table || ((table & 63) < LAST_BITS && atomic_load(&used) >= RECALL_LINE * 3 / 4 << (table & 63));
    if (full && !atomic_exchange(&growing, true)) {
        if (table == atomic_load(&recall_now))
            grow(table);
        atomic_store(&growing, false);
        table = atomic_load_explicit(&recall_now, memory_order_acquire);
    }
    if (!table)
        return;
    _Atomic uint64_t *home = recall_home(table, hash);
    unsigned i = 0;
    while (i < RECALL_LINE && atomic_load_explicit(place_of(home, i), memory_order_relaxed))
        i++;
    if (i < RECALL_LINE)
        atomic_fetch_add_explicit(&used, 1, memory_order_relaxed);
    atomic_store_explicit(place_of(home, i % RECALL_LINE), hash << RECALL_NODE_BITS | node,
                          memory_order_relaxed);
}

void recall_forget(void)
{
    recall_table tables[] = {atomic_exchange(&recall_now, 0), atomic_exchange(&before, 0)};
    for (unsigned i = 0; i < 2; i++)
        if (tables[i])
            guest_unmap((void *)(tables[i] & ~(recall_table)63), bytes_of(tables[i]));
    atomic_store(&used, 0);
    atomic_store(&growing, false);
}
