/* unwind.c - see unwind.h. */
#include "unwind.h"
#include "rules.h"
#include "stacks.h"

#include <string.h>

/* A frame that was walked in this call. */
struct step {
    uint64_t slot, ra, rbp;
    uint64_t saved; /* where the next outer frame's rbp is saved; 0: not saved */
    uint32_t rule, frame;
};

/* No return address is below: where libunwind ends, too. */
#define LOWEST_CODE 0x4000

/* seen.check of a frame that is always walked: a realigned one, whose place depends on more than rbp. */
#define NEVER 1

uint64_t unwind_memory(uint32_t depth)
{
    return (depth + 1) * sizeof(struct seen) + depth * sizeof(struct step) +
           (depth + UNWIND_OWN) * sizeof(void *) + STACKS_CACHED * sizeof(struct stacks_cached);
}

void unwind_init(struct unwind *u, uint32_t depth, void *memory, bool used)
{
    u->depth = depth;
    u->seen = memory;
    u->fresh = (struct step *)(u->seen + depth + 1);
    u->buffer = (void **)(u->fresh + depth);
    u->children = (struct stacks_cached *)(u->buffer + depth + UNWIND_OWN);
    if (used) /* fresh pages are zero, and better left untouched */
        memset(u->children, 0, STACKS_CACHED * sizeof *u->children);
    u->seen[depth] = (struct seen){.slot = UINT64_MAX};
    unwind_forget(u);
}

void unwind_forget(struct unwind *u)
{
    u->top = u->depth;
    u->cut = false;
}

static inline uint64_t word_at(uint64_t address)
{
    return *(const uint64_t *)(uintptr_t)address;
}

/* Compares the frames further out than p with memory. NULL if all stand as remembered; else the next frame
 * that may. */
INLINE struct seen *verify(struct seen *p, const struct seen *end)
{
    for (;; p++) {
        if (UNLIKELY(p->check) && (p->check == NEVER || word_at(p->check) != p[1].rbp))
            return p + 1;
        if (p + 1 == end)
            return NULL;
        if (UNLIKELY(word_at(p[1].slot) != p[1].ra))
            return p + 2;
    }
}

/* Puts n fresh frames before p, which stays (p == end: none does), and numbers them. */
INLINE uint32_t keep(struct unwind *u, struct seen *p, uint32_t n, uint32_t parent)
{
    struct seen *at = p;
    const struct step *step = u->fresh + n;
    while (step-- > u->fresh) {
        uint32_t outer_need = at->need;
        at--;
        at->slot = step->slot;
        at->ra = step->ra;
        at->rbp = step->rbp;
        at->check = rule_kind(step->rule) == RULE_ALIGNED ? NEVER : outer_need ? step->saved : 0;
        at->need = rule_needs_rbp(step->rule) || (outer_need && rule_keeps_rbp(step->rule));
        at->node = parent = stacks_child_cached(u->children, parent, step->frame);
    }
    u->top = (uint32_t)(at - u->seen);
    return parent;
}

static NOINLINE uint32_t slow_stack(struct unwind *u, uint64_t ra, uint32_t walked)
{
    uint32_t first, count = fallback_walk(u, ra, &first);
    uint32_t node = WIRE_NODE_ROOT;
    unwind_forget(u);
    atomic_fetch_add_explicit(&process->stacks_slow, 1, memory_order_relaxed);
    if (count == 0) { /* no libunwind: what the rules could tell */
        while (walked-- > 0)
            node = stacks_child(node, u->fresh[walked].frame);
        return node;
    }
    if (count - first > u->depth) {
        count = first + u->depth;
        node = WIRE_NODE_CUT;
    }
    while (count-- > first)
        node = stacks_child(node, rules_find((uintptr_t)u->buffer[count]).frame);
    return node;
}

uint32_t unwind_stack(struct unwind *u, const void *hook_frame)
{
    struct seen *const end = u->seen + u->depth;
    const uint64_t first_slot = (uint64_t)(uintptr_t)hook_frame + 8;
    for (;;) {
        struct seen *p = u->seen + u->top;
        uint64_t slot = first_slot, ra = word_at(slot), rbp = word_at(slot - 8);
        uint32_t n = 0;
        bool cut = false;
        for (;;) {
            while (p->slot < slot)
                p++;
            if (p->slot == slot && p->ra == ra && (p->rbp == rbp || !p->need)) {
                struct seen *next = verify(p, end);
                if (LIKELY(next == NULL))
                    break;
                p = next;
                continue;
            }
            if (UNLIKELY(n == u->depth)) {
                cut = true;
                p = end;
                break;
            }
            struct rule_entry entry = rules_find(ra);
            struct step *step = &u->fresh[n++];
            step->slot = slot;
            step->ra = ra;
            step->rbp = rbp;
            step->rule = entry.rule;
            step->frame = entry.frame;
            step->saved = 0;
            uint64_t cfa = (rule_needs_rbp(entry.rule) ? rbp : slot + 8) + (uint64_t)rule_cfa(entry.rule);
            if (UNLIKELY(rule_kind(entry.rule) != RULE_SIMPLE)) {
                if (rule_kind(entry.rule) == RULE_END) {
                    p = end;
                    break;
                }
                if (rule_kind(entry.rule) == RULE_SLOW || cfa <= slot || cfa & 7)
                    return slow_stack(u, word_at(first_slot), n);
                step->saved = rbp;
                cfa = word_at(cfa);
            } else if (rule_rbp(entry.rule)) {
                step->saved = cfa - rule_rbp(entry.rule);
            }
            /* The caller's frame lies further out; if it seems not to, the stack is not what the rules think.
             */
            if (UNLIKELY(cfa - 8 <= slot || cfa & 7))
                return slow_stack(u, word_at(first_slot), n);
            if (step->saved)
                rbp = word_at(step->saved);
            slot = cfa - 8;
            ra = word_at(slot);
            if (UNLIKELY(ra < LOWEST_CODE)) {
                p = end;
                break;
            }
        }
        uint32_t total = n + (uint32_t)(end - p);
        if (UNLIKELY(p != end && (u->cut ? total != u->depth : total > u->depth))) {
            unwind_forget(u); /* the cut moves: walk the whole */
            continue;
        }
        if (p == end)
            u->cut = cut;
        return keep(u, p, n, p != end ? p->node : cut ? WIRE_NODE_CUT : WIRE_NODE_ROOT);
    }
}
