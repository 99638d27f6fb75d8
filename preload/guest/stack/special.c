/* special.c - walks a stack in which a frame has no simple rule.
 *
 * It continues outwards from that frame. The stack pointer is kept apart from where the return address was,
 * as signals and runtimes change stacks. Two registers, rsp and rbp, are enough for nearly all frames. If a
 * frame's description needs another one, the walk starts over inside of libtrace itself and uses the full
 * description of every frame. Of such walks only the stacks' numbers are remembered.
 */
#include "debug_frame.h"
#include "modules.h"
#include "stack_cache.h"
#include "rules.h"
#include "runtimes.h"
#include "stacks.h"
#include "unwind.h"

enum outcome {
    GO_ON,
    IS_WHOLE,        /* the outermost frame */
    IS_UNKNOWN,      /* nothing is known about what is further out */
    NEEDS_REGISTERS, /* it takes more than are known */
};

struct walk {
    struct unwind *u;
    struct registers r; /* in the next frame */
    struct extent stack;
    uint32_t count;   /* frames in u->fresh, of which slot and rule are set */
    bool deeper;      /* the stack has more frames than are kept */
    bool full;        /* all registers that calls preserve are tracked */
    bool interrupted; /* by a signal: the address is not that after a call */
};

#define OWN_FRAMES_MOST 16
#define LARGEST_FRAME (1u << 20)

static uint64_t word_at(uint64_t address)
{
    return *(const uint64_t *)(uintptr_t)address;
}

/* ---- steps ---------------------------------------------------------------------------------------- */

static enum outcome by_description(struct walk *w, uint64_t pc)
{
    struct module module;
    uintptr_t slot;
    if (!modules_find(pc, &module))
        return IS_UNKNOWN;
    enum cfi_result result = cfi_step(&module.cfi, pc, w->u->scratch, &w->r, &w->stack, &slot);
    const struct cfi_section *other = result == CFI_NOTHING ? debug_frame_of(&module) : NULL;
    if (other)
        result = cfi_step(other, pc, w->u->scratch, &w->r, &w->stack, &slot);
    switch (result) {
    case CFI_CALLER:
        return GO_ON;
    case CFI_END:
        return IS_WHOLE;
    case CFI_NEEDS:
        return NEEDS_REGISTERS;
    default:
        return IS_UNKNOWN;
    }
}

/* By a rule in 32 bits, see rule.h. */
static enum outcome by_rule(struct walk *w, uint32_t rule)
{
    struct registers *r = &w->r;
    uint64_t rsp = r->value[DWARF_RSP], rbp = r->value[DWARF_RBP];
    if (rule_needs_rbp(rule) && !registers_known(r, DWARF_RBP))
        return NEEDS_REGISTERS;
    if (rule_needs_rbp(rule) && rbp == 0)
        return IS_WHOLE; /* the end of a chain of frame pointers */
    uint64_t cfa = (rule_needs_rbp(rule) ? rbp : rsp) + (uint64_t)rule_cfa(rule);
    uint64_t saved = rule_rbp(rule) ? cfa - rule_rbp(rule) : 0;
    if (rule_kind(rule) == RULE_ALIGNED) {
        if (cfa & 7 || !extent_holds(&w->stack, cfa))
            return IS_UNKNOWN;
        saved = rbp;
        cfa = word_at(cfa);
    }
    if (cfa & 7)
        return IS_UNKNOWN;
    /* Code that switches stacks with a frame pointer has its caller on another stack. */
    uint64_t innermost = saved && saved < cfa && cfa - saved < LARGEST_FRAME ? saved : cfa - 8;
    if ((cfa - 8 < rsp || !extent_holds(&w->stack, cfa - 8)) &&
        (!rule_needs_rbp(rule) || !extent_change(&w->stack, innermost) || !extent_holds(&w->stack, cfa - 8)))
        return IS_UNKNOWN;
    if (saved) {
        if (saved & 7 || !extent_holds(&w->stack, saved))
            return IS_UNKNOWN;
        r->value[DWARF_RBP] = word_at(saved);
    }
    r->value[DWARF_PC] = word_at(cfa - 8);
    r->value[DWARF_RSP] = cfa;
    r->known &= 1u << DWARF_RBP;
    r->known |= 1u << DWARF_PC | 1u << DWARF_RSP | (saved ? 1u << DWARF_RBP : 0);
    return GO_ON;
}

static enum outcome by_signal(struct walk *w)
{
    const unsigned count = REGISTERS_SAVED;
    uint64_t at = w->r.value[DWARF_RSP] + REGISTERS_SAVED_AT;
    if (at & 7 || !extent_holds(&w->stack, at) || !extent_holds(&w->stack, at + 8 * (count - 1)))
        return IS_UNKNOWN;
    struct registers r = {.known = 0};
    for (unsigned i = 0; i < count; i++)
        registers_set(&r, registers_saved[i], word_at(at + 8 * i));
    if (!extent_change(&w->stack, r.value[DWARF_RSP]))
        return IS_UNKNOWN;
    w->r = r;
    w->interrupted = true;
    return GO_ON;
}

static enum outcome step(struct walk *w, uint32_t rule, uint64_t pc)
{
    if (rule_kind(rule) == RULE_END)
        return IS_WHOLE;
    if (rule_kind(rule) != RULE_SPECIAL) {
        enum outcome outcome = w->full ? by_description(w, pc) : IS_UNKNOWN;
        return outcome == IS_UNKNOWN ? by_rule(w, rule) : outcome;
    }
    switch (rule_special_kind(rule)) {
    case SPECIAL_REGISTERS:
        return by_description(w, pc);
    case SPECIAL_SIGNAL:
        return by_signal(w);
    case SPECIAL_HOTSPOT:
        if (!registers_known(&w->r, DWARF_RBP))
            return NEEDS_REGISTERS;
        return hotspot_step(&w->r, &w->stack) ? GO_ON : IS_UNKNOWN;
    case SPECIAL_GO:
    case SPECIAL_GO_SYSTEM:
        return runtime_go_step(rule, &w->r, &w->stack) ? GO_ON : IS_UNKNOWN;
    default:
        return IS_UNKNOWN;
    }
}

/* ---- the walk ------------------------------------------------------------------------------------- */

static enum outcome walk_on(struct walk *w)
{
    for (;;) {
        uint64_t pc = w->r.value[DWARF_PC];
        if (pc < UNWIND_LOWEST_CODE)
            return IS_WHOLE;
        if (w->count == w->u->depth) {
            w->deeper = true;
            return IS_UNKNOWN;
        }
        /* Rules are looked up for the byte before a return address, which belongs to the call; an interrupted
         * instruction's address is its own. */
        uint64_t address = w->interrupted ? pc + 1 : pc;
        w->interrupted = false;
        union rule_known known = rules_find(address, w->u->scratch);
        struct step *step_here = &w->u->fresh[w->count++];
        step_here->slot = w->r.value[DWARF_RSP] - 8;
        step_here->known = known;
        enum outcome outcome = step(w, known.rule, address - 1);
        if (outcome != GO_ON)
            return outcome;
    }
}

/* Starts here: the registers are ours, and so are the first frames. */
static __attribute__((noinline)) enum outcome walk_in_full(struct walk *w, uint64_t first_slot)
{
    struct registers *r = &w->r;
    registers_here(r);
    struct module module;
    uintptr_t slot = 0;
    uint64_t pc = r->value[DWARF_PC];
    w->count = 0;
    w->deeper = false;
    w->full = true;
    w->interrupted = false;
    w->stack = extent_at(w->u->predictor->stack, r->value[DWARF_RSP]);
    if (!modules_find(pc, &module))
        return IS_UNKNOWN;
    for (unsigned i = 0; slot != first_slot; i++, pc = r->value[DWARF_PC] - 1)
        if (i == OWN_FRAMES_MOST ||
            cfi_step(&module.cfi, pc, w->u->scratch, r, &w->stack, &slot) != CFI_CALLER)
            return IS_UNKNOWN;
    return walk_on(w);
}

/* A stack deeper than what is kept is cut at the same frame as the previous one, if possible; see kept.h. */
static void cut(struct walk *w)
{
    struct unwind *u = w->u;
    if (u->kept.least == u->kept.most || u->special_base == w->r.value[DWARF_RSP] - 8)
        return;
    for (w->count = u->kept.least; w->count < u->depth; w->count++)
        if (u->fresh[w->count].slot == u->special_base)
            return;
    w->count = u->kept.growing;
    u->special_base = u->fresh[w->count].slot;
}

/* The node of the walked stack, from the cache or the trie; new nodes are created. */
static uint32_t node_of(const struct walk *w, bool whole)
{
    uint64_t hash = whole ? STACK_CACHE_ROOT : STACK_CACHE_CUT;
    const struct step *fresh = w->u->fresh;
    for (uint32_t i = w->count; i-- > 0;)
        hash = stack_cache_hash(hash, fresh[i].known.frame);
    uint32_t node = stack_cache_find(&stack_cache_by_frames, stack_cache_elsewhere(hash));
    if (node)
        return node;
    struct stacks_way way = {.node = whole ? WIRE_NODE_ROOT : WIRE_NODE_CUT, .left = w->count};
    for (uint32_t i = w->count; i-- > 0;)
        stacks_step(&way, fresh[i].known.frame);
    if (way.node)
        stack_cache_put(&stack_cache_by_frames, stack_cache_elsewhere(hash), way.node);
    return way.node;
}

/* Not marked cold: each event of a Java program gets here. */
__attribute__((noinline)) uint32_t special_walk(struct unwind *u, uint64_t first_slot, uint32_t walked)
{
    const struct step *last = &u->fresh[walked - 1];
    struct walk w = {.u = u, .count = walked - 1, .stack = extent_at(u->predictor->stack, first_slot)};
    w.r.value[DWARF_PC] = last->ra;
    w.r.value[DWARF_RSP] = last->slot + 8;
    w.r.value[DWARF_RBP] = last->rbp;
    w.r.known = 1u << DWARF_PC | 1u << DWARF_RSP | 1u << DWARF_RBP;
    enum outcome outcome = walk_on(&w);
    if (outcome == NEEDS_REGISTERS)
        outcome = walk_in_full(&w, first_slot);
    if (w.deeper)
        cut(&w);
    return node_of(&w, outcome == IS_WHOLE);
}
