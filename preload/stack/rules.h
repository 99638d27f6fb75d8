/* rules.h - the cache of unwind rules: return address -> (rule, frame number).
 *
 * Private to the process, shared by its threads, lock-free: an entry is 16 bytes and written by one
 * 16-byte compare-and-swap, so that a reader who sees the key sees the rest.
 */
#ifndef LIBTRACE_RULES_H
#define LIBTRACE_RULES_H

#include "../guest.h"
#include "../arena.h"
#include "rule.h"

#include <stdbool.h>

struct rule_entry {
    uint64_t key;   /* return address | generation << 48; 0 = empty */
    uint32_t rule;  /* rule.h */
    uint32_t frame; /* its number in the arena, 0 = could not be described */
};

#define RULES_LINE 4u     /* entries in a cache line: where a key may be, in each segment */
#define RULES_FIRST 8192u /* entries in the first segment; each further one has 8 times as many */
#define RULES_SEGMENTS 4u

extern struct rule_entry *_Atomic rules_segment[RULES_SEGMENTS];
extern uint64_t rules_generation; /* << 48; grows when rules may no longer hold */

struct rule_entry rules_find_slow(uintptr_t address);

static inline uint64_t rules_hash(uint64_t address)
{
    return address * 0x9e3779b97f4a7c15ull >> 32;
}

/* The rule at a return address, worked out and described if it is new. */
INLINE struct rule_entry rules_find(uintptr_t address)
{
    const struct rule_entry *segment = atomic_load_explicit(&rules_segment[0], memory_order_relaxed);
    uint64_t key = address | rules_generation;
    if (LIKELY(segment != NULL)) {
        const struct rule_entry *line =
            segment + (rules_hash(address) & (RULES_FIRST / RULES_LINE - 1)) * RULES_LINE;
        /* Which of the four it is cannot be foreseen: no branches. */
        unsigned found = 0;
#pragma GCC unroll 4
        for (unsigned i = 0; i < RULES_LINE; i++)
            found |= (unsigned)(__atomic_load_n(&line[i].key, __ATOMIC_ACQUIRE) == key) << i;
        if (LIKELY(found)) {
            const struct rule_entry *at = &line[__builtin_ctz(found)];
            struct rule_entry entry = {key, __atomic_load_n(&at->rule, __ATOMIC_ACQUIRE),
                                       __atomic_load_n(&at->frame, __ATOMIC_ACQUIRE)};
            /* Replaced meanwhile? Only entries of an old generation are. */
            if (LIKELY(__atomic_load_n(&at->key, __ATOMIC_RELAXED) == key))
                return entry;
        }
    }
    return rules_find_slow(address);
}

/* Modules went away: no rule holds any more. */
void rules_flush(void);

/* After fork: the rules hold, but this process has to number its frames itself. */
void rules_forked(void);

/* True once an address outside of all modules was looked up: a module that comes later may cover it. */
extern _Atomic bool rules_unknown;

#endif
