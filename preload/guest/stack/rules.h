/* rules.h - the cache of unwind rules: return address -> (rule, frame number).
 *
 * Private to the process, shared by its threads, lock-free: an entry is 16 bytes and written by one
 * 16-byte compare-and-swap, so that a reader who sees the key sees the rest.
 */
#ifndef LIBTRACE_RULES_H
#define LIBTRACE_RULES_H

#include "guest.h"
#include "rule.h"

#include <stdbool.h>

/* Read and written as one word: putting two halves together costs the walk more than finding them. */
union rule_known {
    struct {
        uint32_t rule;  /* rule.h */
        uint32_t frame; /* the frame's number in the arena; 0 = it could not be described */
    };
    uint64_t both;
};

struct rule_entry {
    uint64_t key; /* return address | generation << 48; 0 = empty */
    union rule_known known;
};

/* Entries in a cache line. A key may be anywhere in its line of each segment; its first choice is its
 * home. */
#define RULES_LINE 4u
_Static_assert(RULES_LINE * sizeof(struct rule_entry) == 64, "a line of the processor's cache");

/* A segment's address; its low bits hold 64 - log2 of its entries. 0 = none. */
typedef uintptr_t rules_table;

extern HIDDEN _Atomic rules_table rules_now; /* the largest: what is looked up is copied to it; never 0 */
extern HIDDEN uint64_t rules_generation;     /* << 48; grows when rules may have become invalid */

struct cfi_scratch;
union rule_known rules_find_slow(uintptr_t address, struct cfi_scratch *scratch);

/* Fibonacci hashing, which leaves the good bits at the top. */
static inline struct rule_entry *rules_home(rules_table table, uint64_t address)
{
    struct rule_entry *entries = (struct rule_entry *)(table & ~(rules_table)63);
    return entries + (address * 0x9e3779b97f4a7c15ull >> (table & 63));
}

/* False if the entry was replaced while it was read, which happens only to entries of an old generation. */
INLINE bool rules_read(const struct rule_entry *at, uint64_t key, union rule_known *known)
{
    known->both = __atomic_load_n(&at->known.both, __ATOMIC_ACQUIRE);
    return LIKELY(__atomic_load_n(&at->key, __ATOMIC_RELAXED) == key);
}

/* Searches the line, without branches, as it cannot be predicted where in the line the key is. NULL = not
 * there. */
INLINE const struct rule_entry *rules_in_line(const struct rule_entry *home, uint64_t key)
{
    const struct rule_entry *line =
        (const struct rule_entry *)((uintptr_t)home & ~(sizeof *line * RULES_LINE - 1));
    unsigned found = 0;
#pragma GCC unroll 4
    for (unsigned i = 0; i < RULES_LINE; i++)
        found |= (unsigned)(__atomic_load_n(&line[i].key, __ATOMIC_ACQUIRE) == key) << i;
    return found ? &line[__builtin_ctz(found)] : NULL;
}

/* The rule at a return address; a new one is worked out and described. Most are at home: a predicted branch
 * lets the walk go on before the comparison is done. scratch: memory for reading a description. */
INLINE union rule_known rules_find(uintptr_t address, struct cfi_scratch *scratch)
{
    const rules_table table = atomic_load_explicit(&rules_now, memory_order_acquire);
    const struct rule_entry *home = rules_home(table, address);
    const uint64_t key = address | rules_generation;
    union rule_known known;
    if (UNLIKELY(__atomic_load_n(&home->key, __ATOMIC_ACQUIRE) != key))
        home = rules_in_line(home, key);
    if (LIKELY(home != NULL) && rules_read(home, key, &known))
        return known;
    return rules_find_slow(address, scratch);
}

/* Modules were removed: no rule is valid any more. */
void rules_flush(void);

/* After fork: the rules are still valid, but this process has to number its frames itself. */
void rules_forked(void);

#endif
