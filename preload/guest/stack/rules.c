/* rules.c - see rules.h. */
#define _GNU_SOURCE
#include "rules.h"
#include "cfi.h"
#include "debug_frame.h"
#include "guest_assert.h"
#include "loader.h"
#include "modules.h"
#include "runtimes.h"
#include "stacks.h"
#include "swap16.h"

#include <dlfcn.h>
#pragma weak _dl_find_object

#define FIRST_BITS 13 /* log2 of the first segment's entries; each further one has 4 times as many */
#define SEGMENTS 5u

static _Atomic rules_table segments[SEGMENTS];
static _Atomic uint32_t entries_known; /* in all of them */

/* An empty segment, so that look-ups need not check whether there is one. */
static struct rule_entry nothing[RULES_LINE] __attribute__((aligned(64)));
_Atomic rules_table rules_now = (rules_table)((char *)nothing + 62);
uint64_t rules_generation = 1ull << 48;

/* The generation before a fork: its rules are still valid, its frame numbers are not. 0 = none. */
static uint64_t inherited_generation;

static unsigned bits_of(unsigned k)
{
    return FIRST_BITS + 2 * k;
}

/* 0 = no memory for it. */
static rules_table segment_of(unsigned k)
{
    rules_table none = 0, table = atomic_load_explicit(&segments[k], memory_order_acquire);
    if (table)
        return table;
    size_t size = sizeof(struct rule_entry) << bits_of(k);
    void *memory = guest_pages(size);
    if (!memory)
        return 0;
    table = (rules_table)memory | (64 - bits_of(k));
    if (!atomic_compare_exchange_strong(&segments[k], &none, table)) {
        guest_unmap(memory, size);
        table = none;
    }
    return table;
}

/* The i-th place for an address: its first choice, then the others of the line. */
static struct rule_entry *place_of(rules_table segment, uintptr_t address, unsigned i)
{
    struct rule_entry *home = rules_home(segment, address);
    guest_assert(((uintptr_t)home & (sizeof *home - 1)) == 0 && i < RULES_LINE);
    return (struct rule_entry *)((uintptr_t)home ^ i * sizeof *home);
}

/* Finds a rule from before the fork, so that a child need not read the CFI again. */
static bool find_inherited(uintptr_t address, uint32_t *rule)
{
    for (unsigned k = 0; inherited_generation && k < SEGMENTS; k++) {
        rules_table segment = atomic_load(&segments[k]);
        if (!segment)
            break;
        for (unsigned i = 0; i < RULES_LINE; i++) {
            const struct rule_entry *at = place_of(segment, address, i);
            if (at->key == (address | inherited_generation)) {
                *rule = at->known.rule;
                return true;
            }
        }
    }
    return false;
}

/* False if a module is certain to be there. Before glibc 2.35, only ld.so could tell, and that takes a
 * lock. */
static bool may_be_gone(uintptr_t address)
{
    struct dl_find_object object;
    return !_dl_find_object || _dl_find_object((void *)address, &object) != 0;
}

/* A module that is closed is not noticed until another is opened, but generated code may take its place
 * before that. */
static bool find_module(uintptr_t address, struct module *module)
{
    bool found = modules_find(address, module);
    if (!found || !may_be_gone(address))
        return found;
    if (modules_refresh(rules_flush) != MODULES_SAME)
        return modules_find(address, module);
    /* If the loader does not answer, the process was forked while the module was being closed: it is gone. */
    return !_dl_find_object || loader_answers();
}

static uint32_t work_out(uintptr_t address, const struct module *module, struct cfi_scratch *scratch)
{
    const uint32_t unknown = rule_special(SPECIAL_UNKNOWN);
    uint32_t rule = module ? cfi_rule(&module->cfi, address - 1, scratch) : unknown;
    const struct cfi_section *other = module && rule == unknown ? debug_frame_of(module) : NULL;
    if (other)
        rule = cfi_rule(other, address - 1, scratch);
    return rule == unknown ? runtime_rule(address, module, modules_runtimes()) : rule;
}

static struct rule_entry make_entry(uintptr_t address, struct cfi_scratch *scratch)
{
    guest_assert(address >> 48 == 0 && rules_generation << 16 == 0 && rules_generation != 0);
    struct rule_entry entry = {.key = address | rules_generation};
    struct module module;
    bool found = find_module(address - 1, &module);
    if (!found)
        atomic_store(&modules_missed, true);
    if (!find_inherited(address, &entry.known.rule))
        entry.known.rule = work_out(address, found ? &module : NULL, scratch);
    entry.known.frame = stacks_frame(WIRE_FRAME_NATIVE, address, found ? module.number : 0);
    return entry;
}

/* True if the place is empty, or of an old generation (but not one that find_inherited() still reads). */
static bool is_free(const struct rule_entry *entry)
{
    uint64_t generation = entry->key & ~WIRE_ADDRESS_MASK;
    return entry->key == 0 || (generation != rules_generation && generation != inherited_generation);
}

static bool put_in(rules_table segment, uintptr_t address, const struct rule_entry *entry)
{
    for (unsigned i = 0; i < RULES_LINE; i++) {
        struct rule_entry *at = place_of(segment, address, i), seen = *at;
        if ((is_free(&seen) && swap16(at, &seen, entry)) || seen.key == entry->key)
            return true;
    }
    return false;
}

/* Puts the entry into the largest of the count segments, or into a new, larger one if that is half full. If
 * the line there is full, a smaller segment will do: otherwise each look-up would work out the rule again. */
static void put(unsigned count, uintptr_t address, const struct rule_entry *entry)
{
    uint32_t known = atomic_load_explicit(&entries_known, memory_order_relaxed);
    if (count == 0 || (count < SEGMENTS && known > 1u << (bits_of(count - 1) - 1)))
        count++;
    for (unsigned k = count; k-- > 0;) {
        rules_table segment = segment_of(k);
        if (segment && k + 1 == count)
            atomic_store(&rules_now, segment);
        if (segment && put_in(segment, address, entry))
            return;
    }
}

/* For what is not at its first choice in the largest segment: elsewhere in its line, in a smaller segment
 * (then it is copied to the largest), or new. */
NOINLINE union rule_known rules_find_slow(uintptr_t address, struct cfi_scratch *scratch)
{
    uint64_t key = address | rules_generation;
    struct rule_entry entry = {0};
    unsigned count = 0;
    for (; count < SEGMENTS && atomic_load(&segments[count]); count++)
        for (unsigned i = 0; i < RULES_LINE && entry.key == 0; i++) {
            struct rule_entry *at = place_of(atomic_load(&segments[count]), address, i);
            /* The key must be read first: an entry that is just being written is complete only if its key was
             * seen. */
            if (__atomic_load_n(&at->key, __ATOMIC_ACQUIRE) == key && rules_read(at, key, &entry.known))
                entry.key = key;
        }
    if (entry.key == 0) {
        entry = make_entry(address, scratch);
        atomic_fetch_add_explicit(&entries_known, 1, memory_order_relaxed);
    }
    put(count, address, &entry);
    return entry.known;
}

/* Writes only to entries in use, so that untouched memory stays untouched. */
static void empty(rules_table segment, unsigned bits)
{
    struct rule_entry *entries = rules_home(segment, 0);
    for (size_t i = 0; i < (size_t)1 << bits; i++)
        if (__atomic_load_n(&entries[i].key, __ATOMIC_RELAXED))
            __atomic_store_n(&entries[i].key, 0, __ATOMIC_RELAXED);
}

static void next_generation(void)
{
    uint64_t next = rules_generation + (1ull << 48);
    atomic_store(&entries_known, 0);
    if (next == 0) { /* after 65,535 generations: entries of the first ones must not look valid again */
        for (unsigned k = 0; k < SEGMENTS && segments[k]; k++)
            empty(segments[k], bits_of(k));
        next = 1ull << 48;
    }
    rules_generation = next;
}

void rules_flush(void)
{
    inherited_generation = 0;
    next_generation();
}

void rules_forked(void)
{
    inherited_generation = rules_generation;
    next_generation();
}
