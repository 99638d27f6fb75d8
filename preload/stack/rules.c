/* rules.c - see rules.h. */
#define _GNU_SOURCE
#include "rules.h"
#include "cfi.h"
#include "loader.h"
#include "modules.h"
#include "runtimes.h"
#include "stacks.h"

#include <dlfcn.h>
#pragma weak _dl_find_object

struct rule_entry *_Atomic rules_segment[RULES_SEGMENTS];
uint64_t rules_generation = 1ull << 48;
_Atomic bool rules_unknown;

/* The generation before a fork: its rules hold still, its frame numbers do not. 0 = none. */
static uint64_t inherited_generation;

/* The x86-64 baseline has no atomic 16-byte store; every processor since 2006 has this one. */
static bool swap16(struct rule_entry *at, struct rule_entry *expected, struct rule_entry desired)
{
    unsigned __int128 want, old;
    __builtin_memcpy(&old, expected, sizeof old);
    __builtin_memcpy(&want, &desired, sizeof want);
    unsigned __int128 seen = __sync_val_compare_and_swap((unsigned __int128 *)at, old, want);
    bool done = seen == old;
    __builtin_memcpy(expected, &seen, sizeof seen);
    return done;
}

static struct rule_entry *segment_memory(unsigned k)
{
    struct rule_entry *segment = atomic_load_explicit(&rules_segment[k], memory_order_acquire);
    if (segment)
        return segment;
    size_t size = (sizeof(struct rule_entry) * RULES_FIRST) << (3 * k);
    struct rule_entry *fresh = guest_pages(size);
    if (fresh && !atomic_compare_exchange_strong(&rules_segment[k], &segment, fresh)) {
        guest_unmap(fresh, size);
        return segment;
    }
    return fresh;
}

/* The i-th place for an address: its home, then the others of the line. */
static struct rule_entry *place_of(struct rule_entry *segment, unsigned k, uintptr_t address, unsigned i)
{
    uint64_t entries = (uint64_t)RULES_FIRST << (3 * k);
    return segment + ((rules_hash(address) & (entries - 1)) ^ i);
}

/* The rule that was known before the fork, so that a child does not read the CFI anew. */
static bool find_inherited(uintptr_t address, uint32_t *rule)
{
    for (unsigned k = 0; inherited_generation && k < RULES_SEGMENTS; k++) {
        struct rule_entry *segment = atomic_load(&rules_segment[k]);
        if (!segment)
            break;
        for (unsigned i = 0; i < RULES_LINE; i++) {
            const struct rule_entry *at = place_of(segment, k, address, i);
            if (at->key == (address | inherited_generation)) {
                *rule = at->known.rule;
                return true;
            }
        }
    }
    return false;
}

/* False if there is a module for sure. Before glibc 2.35 ld.so can tell, but by a lock. */
static bool may_be_gone(uintptr_t address)
{
    struct dl_find_object object;
    return !_dl_find_object || _dl_find_object((void *)address, &object) != 0;
}

/* That a module has been closed is not noticed until the next one is opened; but other code may be made
 * where it was. */
static bool find_module(uintptr_t address, struct module *module)
{
    bool found = modules_find(address, module);
    if (!found || !may_be_gone(address))
        return found;
    if (modules_refresh() != MODULES_SAME)
        return modules_find(address, module);
    /* Gone, in the midst of what this process was forked. */
    return !_dl_find_object || loader_answers();
}

static uint32_t work_out(uintptr_t address, const struct module *module, struct cfi_scratch *scratch)
{
    uint32_t rule = module ? cfi_rule(&module->cfi, address - 1, scratch) : rule_special(SPECIAL_UNKNOWN);
    return rule == rule_special(SPECIAL_UNKNOWN) ? runtime_rule(address, module, modules_runtimes()) : rule;
}

static struct rule_entry make_entry(uintptr_t address, struct cfi_scratch *scratch)
{
    struct rule_entry entry = {.key = address | rules_generation};
    struct module module;
    bool found = find_module(address - 1, &module);
    if (!found)
        atomic_store(&rules_unknown, true);
    if (!find_inherited(address, &entry.known.rule))
        entry.known.rule = work_out(address, found ? &module : NULL, scratch);
    entry.known.frame = stacks_frame(WIRE_FRAME_NATIVE, address, found ? module.number : 0);
    return entry;
}

NOINLINE union rule_known rules_find_slow(uintptr_t address, struct cfi_scratch *scratch)
{
    uint64_t key = address | rules_generation;
    struct rule_entry fresh = {0};
    for (unsigned k = 0; k < RULES_SEGMENTS; k++) {
        struct rule_entry *segment = segment_memory(k);
        if (!segment)
            break;
        for (unsigned i = 0; i < RULES_LINE; i++) {
            struct rule_entry *at = place_of(segment, k, address, i), seen = *at;
            if (seen.key == key)
                return at->known;
            /* Free, or of a dead generation (but not one that find_inherited() still reads). */
            uint64_t generation = seen.key & ~WIRE_ADDRESS_MASK;
            if (seen.key != 0 && (generation == rules_generation || generation == inherited_generation))
                continue;
            if (fresh.key == 0)
                fresh = make_entry(address, scratch);
            if (swap16(at, &seen, fresh))
                return fresh.known;
            if (seen.key == key)
                return seen.known; /* somebody was faster; our frame number stays unused */
        }
    }
    return (fresh.key ? fresh : make_entry(address, scratch))
        .known; /* full: every look-up works it out anew */
}

static void next_generation(void)
{
    rules_generation += 1ull << 48;
    if (rules_generation == 0) /* after 65,535 of them */
        rules_generation = 1ull << 48;
}

void rules_flush(void)
{
    inherited_generation = 0;
    atomic_store(&rules_unknown, false);
    next_generation();
}

void rules_forked(void)
{
    inherited_generation = rules_generation;
    next_generation();
}
