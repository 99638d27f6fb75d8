/* unwind.c - see unwind.h. */
#include "unwind.h"
#include "recall.h"
#include "rules.h"
#include "stacks.h"

/* A frame that was walked in this call. */
struct step {
    uint64_t slot, ra, rbp;
    uint64_t saved; /* where the next outer frame's rbp is saved; 0: not saved */
    union rule_known known;
};

/* No return address is below: where libunwind ends, too. */
#define LOWEST_CODE 0x4000

/* So many frames further out than where the walk meets the previous stack are looked at first. */
#define GLANCE 3

uint64_t unwind_memory(uint32_t depth)
{
    return sizeof(struct shapes) + (depth + 1) * sizeof(struct seen) + depth * sizeof(struct step) +
           (depth + UNWIND_OWN) * sizeof(void *);
}

static void forget_walk(struct unwind *u)
{
    u->top = u->depth;
    u->cut = false;
}

void unwind_init(struct unwind *u, uint32_t depth, void *memory)
{
    u->depth = depth;
    u->shapes = memory;
    u->seen = (struct seen *)(u->shapes + 1);
    u->fresh = (struct step *)(u->seen + depth + 1);
    u->buffer = (void **)(u->fresh + depth);
    u->seen[depth] = (struct seen){.slot = UINT64_MAX};
    shapes_open(u->shapes);
    forget_walk(u);
}

void unwind_forget(struct unwind *u)
{
    shapes_forget(u->shapes);
    forget_walk(u);
}

static inline uint64_t word_at(uint64_t address)
{
    return *(const uint64_t *)(uintptr_t)address;
}

/* True if p is the frame that the walk has come to, and a few frames further out are as remembered, too: else
 * it is not worth it to look at all of them, as the walk will be here again soon. Without branches, as in a
 * program whose stacks go two ways at every level each frame by itself is as likely the same as not. The
 * words further out may be read: they are in the same page. */
INLINE bool meets(const struct seen *p, const struct seen *end, uint64_t slot, uint64_t ra, uint64_t rbp)
{
    if (p->slot != slot)
        return false;
    bool same = (p->ra == ra) & ((p->rbp == rbp) | !p->need);
    if (end - p > GLANCE && (p[GLANCE].slot ^ slot) >> 12 == 0) {
#pragma GCC unroll 3
        for (unsigned i = 1; i <= GLANCE; i++)
            same &= word_at(p[i].slot) == p[i].ra;
    }
    return same;
}

/* Compares the frames further out than p with memory. NULL if all stand as remembered; else the next frame
 * that may. */
INLINE struct seen *verify(struct seen *p, const struct seen *end)
{
    for (;; p++) {
        if (UNLIKELY(p->check) && (p->check == SEEN_ALWAYS_WALKED || word_at(p->check) != p[1].rbp))
            return p + 1;
        if (p + 1 == end)
            return NULL;
        if (UNLIKELY(word_at(p[1].slot) != p[1].ra))
            return p + 2;
    }
}

/* Puts n fresh frames before p, which stays; the innermost. */
INLINE struct seen *keep(struct unwind *u, struct seen *p, uint32_t n)
{
    struct seen *at = p;
    const struct step *step = u->fresh + n;
    while (step-- > u->fresh) {
        bool outer_needs = at->need;
        uint64_t outer = at->hash;
        at--;
        at->slot = step->slot;
        at->ra = step->ra;
        at->rbp = step->rbp;
        at->check = rule_kind(step->known.rule) == RULE_ALIGNED ? SEEN_ALWAYS_WALKED
                    : outer_needs                               ? step->saved
                                                                : 0;
        at->hash = recall_hash(outer, step->known.frame);
        at->node = 0;
        at->frame = step->known.frame;
        at->need = rule_needs_rbp(step->known.rule) || (outer_needs && rule_keeps_rbp(step->known.rule));
    }
    u->top = (uint32_t)(at - u->seen);
    return at;
}

INLINE struct recall_key by_frames(const struct seen *top)
{
    return recall_elsewhere(top->hash);
}

/* A stack that is not remembered gets its number from the trie, as all that it consists of. */
static NOINLINE uint32_t number(struct unwind *u, struct seen *top)
{
    struct seen *at = top;
    while (at->node == 0 && at < u->seen + u->depth)
        at++;
    uint32_t node = at->node;
    while (at-- > top)
        at->node = node = stacks_child(node, at->frame);
    if (node)
        recall_put(&recall_by_frames, by_frames(top), node);
    return node;
}

INLINE uint32_t node_of(struct unwind *u, struct seen *top)
{
    if (top->node == 0 && (top->node = recall_find(&recall_by_frames, by_frames(top))) == 0)
        return number(u, top);
    return top->node;
}

static NOINLINE uint32_t slow_stack(struct unwind *u, uint64_t ra, uint32_t walked)
{
    uint32_t first, count = fallback_walk(u, ra, &first);
    uint32_t node = WIRE_NODE_ROOT;
    forget_walk(u);
    atomic_fetch_add_explicit(&process->stacks_slow, 1, memory_order_relaxed);
    if (count == 0) { /* no libunwind: what the rules could tell */
        while (walked-- > 0)
            node = stacks_child(node, u->fresh[walked].known.frame);
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

/* The slot of a frame, which p has, too: the processor then goes on with p's, which it knows already, and
 * finds out later that they were equal. So the steps of a walk, of which each needs what the one before has
 * read, run side by side. */
INLINE uint64_t same_slot(const struct seen *p)
{
    uint64_t slot; /* by hand, as the compiler would not read what it knows */
    __asm__("mov %1, %0" : "=r"(slot) : "m"(p->slot));
    return slot;
}

/* The walk. Not cold: see shapes_learn(). */
static __attribute__((noinline)) uint32_t walk_stack(struct unwind *u, const uint64_t first_slot)
{
    struct seen *const end = u->seen + u->depth;
    for (;;) {
        struct seen *p = u->seen + u->top;
        uint64_t slot = first_slot, rbp = word_at(slot - 8);
        uint32_t n = 0;
        bool cut = false;
        for (;;) {
            while (p->slot < slot)
                p++;
            if (p->slot == slot)
                slot = same_slot(p);
            uint64_t ra = word_at(slot);
            if (UNLIKELY(ra < LOWEST_CODE)) {
                p = end;
                break;
            }
            if (meets(p, end, slot, ra, rbp)) {
                struct seen *next = verify(p, end);
                if (LIKELY(next == NULL))
                    break;
                p = next;
            }
            if (UNLIKELY(n == u->depth)) {
                cut = true;
                p = end;
                break;
            }
            union rule_known known = rules_find(ra);
            struct step *step = &u->fresh[n++];
            step->slot = slot;
            step->ra = ra;
            step->rbp = rbp;
            step->known = known;
            step->saved = 0;
            uint64_t cfa = (rule_needs_rbp(known.rule) ? rbp : slot + 8) + (uint64_t)rule_cfa(known.rule);
            if (UNLIKELY(rule_kind(known.rule) != RULE_SIMPLE)) {
                if (rule_kind(known.rule) == RULE_END) {
                    p = end;
                    break;
                }
                if (rule_kind(known.rule) == RULE_SLOW || cfa <= slot || cfa & 7)
                    return slow_stack(u, word_at(first_slot), n);
                step->saved = rbp;
                cfa = word_at(cfa);
            } else if (rule_rbp(known.rule)) {
                step->saved = cfa - rule_rbp(known.rule);
            }
            /* The caller's frame lies further out; if it seems not to, the stack is not what the rules think.
             */
            if (UNLIKELY(cfa - 8 <= slot || cfa & 7))
                return slow_stack(u, word_at(first_slot), n);
            if (step->saved)
                rbp = word_at(step->saved);
            slot = cfa - 8;
        }
        uint32_t total = n + (uint32_t)(end - p);
        if (UNLIKELY(p != end && (u->cut ? total != u->depth : total > u->depth))) {
            forget_walk(u); /* the cut moves: walk the whole */
            continue;
        }
        if (p == end) {
            u->cut = cut;
            end->hash = cut ? RECALL_CUT : RECALL_ROOT;
            end->node = cut ? WIRE_NODE_CUT : WIRE_NODE_ROOT;
        }
        struct seen *top = keep(u, p, n);
        uint32_t node = node_of(u, top);
        if (!u->cut && node)
            shapes_learn(u->shapes, top, end, node);
        return node;
    }
}

/* Calls nothing, so that it needs no frame. */
__attribute__((noinline)) struct recall_place unwind_foresee(struct unwind *u, const void *hook_frame)
{
    return shapes_foresee(u->shapes, hook_frame);
}

/* Not cold: in deep a ninth of the stacks come here. */
__attribute__((noinline)) uint32_t unwind_unforeseen(struct unwind *u, const void *hook_frame)
{
    uint32_t node = shapes_others(u->shapes, hook_frame);
    return LIKELY(node) ? node : walk_stack(u, (uint64_t)(uintptr_t)hook_frame + 8);
}

uint32_t unwind_stack(struct unwind *u, const void *hook_frame)
{
    uint32_t node = recall_at(unwind_foresee(u, hook_frame));
    return LIKELY(node) ? node : unwind_unforeseen(u, hook_frame);
}
