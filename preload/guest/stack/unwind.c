/* unwind.c - see unwind.h. */
#include "unwind.h"
#include "guest_assert.h"
#include "processor.h"
#include "stack_cache.h"
#include "rules.h"
#include "stacks.h"

/* When the walk meets the previous stack, this many frames further out are compared first. */
#define GLANCE 3

uint64_t unwind_memory(uint32_t depth)
{
    return sizeof(struct predictor) + (UNWIND_ROOM(depth) + 1) * sizeof(struct seen) +
           UNWIND_WALK(depth) * sizeof(struct step) + sizeof(struct cfi_scratch) +
           (depth + UNWIND_OWN) * sizeof(void *);
}

static void forget_walk(struct unwind *u)
{
    u->top = u->base = u->room;
    u->outer = OUTER_NONE;
}

void unwind_init(struct unwind *u, uint32_t depth, void *memory)
{
    u->depth = depth;
    u->walk = UNWIND_WALK(depth);
    u->room = UNWIND_ROOM(depth);
    u->kept = kept_of(depth);
    u->special_base = 0;
    u->predictor = memory;
    u->seen = (struct seen *)(u->predictor + 1);
    u->fresh = (struct step *)(u->seen + u->room + 1);
    u->scratch = (struct cfi_scratch *)(u->fresh + UNWIND_WALK(depth));
    u->buffer = (void **)(u->scratch + 1);
    u->seen[u->room] = (struct seen){.slot = UINT64_MAX};
    predict_open(u->predictor);
    forget_walk(u);
}

void unwind_forget(struct unwind *u)
{
    predict_forget(u->predictor);
    forget_walk(u);
}

static inline uint64_t word_at(uint64_t address)
{
    return *(const uint64_t *)(uintptr_t)address;
}

/* True if the walk has reached frame p, and the next few frames further out are also unchanged. If they are
 * not, comparing all of them is not worth it, as the walk will soon get here again. Without branches: in a
 * program whose stacks take one of two ways at every level, each comparison by itself is as likely to succeed
 * as to fail. The words further out can be read, as they are in the same page. */
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

/* Compares the frames further out than p with memory. Returns NULL if all are unchanged, else the next frame
 * that may be. */
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

INLINE struct seen *keep(struct unwind *u, struct seen *p, uint32_t n)
{
    struct seen *at = p;
    const struct step *step = u->fresh + n;
    guest_assert(n <= u->walk && (uint32_t)(p - u->seen) >= n && p <= u->seen + u->room);
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
        at->hash = stack_cache_hash(outer, step->known.frame);
        at->node = 0;
        at->frame = step->known.frame;
        at->need = rule_needs_rbp(step->known.rule) || (outer_needs && rule_keeps_rbp(step->known.rule));
    }
    u->top = (uint32_t)(at - u->seen);
    return at;
}

NOINLINE struct seen *unwind_keep(struct unwind *u, struct seen *p, uint32_t n)
{
    return keep(u, p, n);
}

INLINE struct stack_cache_key by_frames(const struct seen *top)
{
    return stack_cache_elsewhere(top->hash);
}

/* Most new stacks have outer frames in common with earlier ones. To avoid looking up each of these frames in
 * the trie, the outer part of a stack is cached too, every so many frames. */
#define PART 8

INLINE bool ends_part(const struct unwind *u, const struct seen *at)
{
    return (u->seen + u->base - at) % PART == 0;
}

/* Checked against the trie: there are many parts, and another one may have the same hash. */
static uint32_t find_part(const struct seen *at)
{
    uint32_t node = stack_cache_find(&stack_cache_by_frames, by_frames(at));
    return node && (uint32_t)stacks_node(node) == at->frame ? node : 0;
}

/* Looks up a stack that is not cached in the trie, frame by frame; new nodes are created. */
static NOINLINE uint32_t number(struct unwind *u, struct seen *top)
{
    struct seen *at = top;
    for (; at->node == 0 && at < u->seen + u->base; at++)
        if (at != top && ends_part(u, at) && (at->node = find_part(at)))
            break;
    struct stacks_way way = {.node = at->node, .left = (uint32_t)(at - top)};
    while (at-- > top) {
        at->node = stacks_step(&way, at->frame);
        if (way.node && (at == top || ends_part(u, at)))
            stack_cache_put(&stack_cache_by_frames, by_frames(at), way.node);
    }
    return way.node;
}

INLINE uint32_t node_of(struct unwind *u, struct seen *top)
{
    if (top->node == 0 && (top->node = stack_cache_find(&stack_cache_by_frames, by_frames(top))) == 0)
        return number(u, top);
    return top->node;
}

/* The slot of a frame that is equal to p's, loaded from p: the processor has it at once, and verifies later
 * that they are equal. So the steps of a walk overlap, although each needs what the one before has read. */
INLINE uint64_t same_slot(const struct seen *p)
{
    return processor_load(&p->slot);
}

/* For a stack that is cut: where to stop comparing frames from p outwards, after n were walked. One frame
 * more than are kept shows that the stack is deeper. */
INLINE const struct seen *enough(const struct unwind *u, const struct seen *p, const struct seen *end,
                                 uint32_t n)
{
    uint32_t left = (uint32_t)(end - p), wanted = n < u->depth ? u->depth + 1 - n : 1;
    return left <= wanted ? end : p + wanted;
}

/* True if the remembered frames can still be read, up to the outermost. */
INLINE bool all_there(const struct seen *end, struct extent *stack)
{
    return LIKELY(stack->own) || extent_holds(stack, end[-1].slot);
}

/* True if the stack can be cut where the previous one was; p and n as for unwind_keep(). */
INLINE bool cut_stays(const struct unwind *u, const struct seen *p, uint32_t n)
{
    uint32_t place = (uint32_t)(p - u->seen), top = place - n;
    return place >= n && place <= u->base && u->room - top > u->depth &&
           u->base - top - u->kept.least <= u->kept.most - u->kept.least;
}

static uint32_t walk_stack(struct unwind *u, uint64_t first_slot);

/* cut: the previous stack was deeper than what is kept. */
INLINE uint32_t walk(struct unwind *u, const uint64_t first_slot, const bool cut)
{
    struct seen *const end = u->seen + u->room;
    struct extent stack = extent_at(u->predictor->stack, first_slot);
    struct seen *p = u->seen + u->top;
    uint64_t slot = first_slot, rbp = word_at(slot - 8);
    uint32_t n = 0;
    enum outer outer = OUTER_NONE;
    for (;;) {
        while (p->slot < slot)
            p++;
        if (p->slot == slot)
            slot = same_slot(p);
        uint64_t ra = word_at(slot);
        if (UNLIKELY(ra < UNWIND_LOWEST_CODE)) {
            p = end;
            break;
        }
        const struct seen *stop = cut ? enough(u, p, end, n) : end;
        if (meets(p, stop, slot, ra, rbp) && all_there(stop, &stack)) {
            struct seen *next = verify(p, stop);
            if (LIKELY(next == NULL))
                break;
            p = next;
        }
        if (UNLIKELY(n == u->walk)) {
            outer = OUTER_DEEPER;
            p = end;
            break;
        }
        union rule_known known = rules_find(ra, u->scratch);
        struct step *step = &u->fresh[n++];
        step->slot = slot;
        step->ra = ra;
        step->rbp = rbp;
        step->known = known;
        step->saved = 0;
        uint64_t cfa = (rule_needs_rbp(known.rule) ? rbp : slot + 8) + (uint64_t)rule_cfa(known.rule);
        if (UNLIKELY(rule_kind(known.rule) != RULE_SIMPLE)) {
            if (rule_kind(known.rule) == RULE_SPECIAL && rule_special_kind(known.rule) != SPECIAL_UNKNOWN) {
                if (n <= u->depth)
                    return special_walk(u, first_slot, n);
                outer = OUTER_DEEPER;
                p = end;
                break;
            }
            if (rule_kind(known.rule) != RULE_ALIGNED || cfa <= slot || cfa & 7 ||
                !extent_holds(&stack, cfa)) {
                outer = rule_kind(known.rule) == RULE_END ? OUTER_NONE : OUTER_UNKNOWN;
                p = end;
                break;
            }
            step->saved = rbp;
            cfa = word_at(cfa);
        } else if (rule_rbp(known.rule)) {
            step->saved = cfa - rule_rbp(known.rule);
        }
        /* The caller's frame must lie further out, and rbp must be saved between the two; otherwise the rules
         * do not fit this stack. A chain of frame pointers ends with 0. */
        if (UNLIKELY(cfa - 8 <= slot || cfa & 7 || !extent_holds(&stack, cfa - 8) ||
                     (step->saved && (step->saved <= slot || step->saved >= cfa)))) {
            if (!stack.own && n <= u->depth) /* the caller may be on another stack */
                return special_walk(u, first_slot, n);
            outer = !stack.own                               ? OUTER_DEEPER
                    : rule_needs_rbp(known.rule) && rbp == 0 ? OUTER_NONE
                                                             : OUTER_UNKNOWN;
            p = end;
            break;
        }
        if (step->saved)
            rbp = word_at(step->saved);
        slot = cfa - 8;
    }
    if (p == end) {
        u->outer = outer;
        u->base = u->room;
        end->hash = outer == OUTER_NONE ? STACK_CACHE_ROOT : STACK_CACHE_CUT;
        end->node = outer == OUTER_NONE ? WIRE_NODE_ROOT : WIRE_NODE_CUT;
    }
    bool same = cut ? cut_stays(u, p, n) : n + (uint32_t)(end - p) <= u->depth;
    struct seen *top = LIKELY(same) ? keep(u, p, n) : deep_keep(u, p, n);
    if (UNLIKELY(!top)) {
        forget_walk(u);
        return walk_stack(u, first_slot);
    }
    guest_assert(u->top <= u->base && u->base <= u->room && (u->base - u->top <= u->depth));
    uint32_t node = node_of(u, top);
    if (u->base == u->room && node)
        predict_learn(u->predictor, top, end, node);
    return node;
}

/* Not marked cold: see predict_learn(). */
static __attribute__((noinline)) GUEST_ALIGNED uint32_t walk_cut(struct unwind *u, uint64_t first_slot)
{
    return walk(u, first_slot, true);
}

static __attribute__((noinline)) GUEST_ALIGNED uint32_t walk_stack(struct unwind *u, uint64_t first_slot)
{
    return UNLIKELY(u->base != u->room) ? walk_cut(u, first_slot) : walk(u, first_slot, false);
}

/* Calls no function, so that it needs no frame. */
__attribute__((noinline)) struct stack_cache_place unwind_predict(struct unwind *u, const void *hook_frame)
{
    return predict_stack(u->predictor, hook_frame);
}

/* Not marked cold: a ninth of the stacks of the benchmark "deep" get here. */
__attribute__((noinline)) uint32_t unwind_mispredicted(struct unwind *u, const void *hook_frame)
{
    uint32_t node = predict_others(u->predictor, hook_frame);
    return LIKELY(node) ? node : walk_stack(u, (uint64_t)(uintptr_t)hook_frame + 8);
}

uint32_t unwind_stack(struct unwind *u, const void *hook_frame)
{
    uint32_t node = stack_cache_at(unwind_predict(u, hook_frame));
    return LIKELY(node) ? node : unwind_mispredicted(u, hook_frame);
}
