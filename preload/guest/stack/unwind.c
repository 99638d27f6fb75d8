/* unwind.c - see unwind.h. */
#include "unwind.h"
#include "guest_assert.h"
#include "processor.h"
#include "stack_cache.h"
#include "rules.h"
#include "stacks.h"

/* So many frames further out than where the walk meets the previous stack are looked at first. */
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

/* A new stack mostly ends as others do. So that not all of it has to be looked up in the trie, frame by
 * frame, the outer parts of stacks are remembered as well, each so many frames. */
#define PART 8

INLINE bool ends_part(const struct unwind *u, const struct seen *at)
{
    return (u->seen + u->base - at) % PART == 0;
}

/* The trie is asked whether it is so: parts are many, and a hash may be that of another one. */
static uint32_t find_part(const struct seen *at)
{
    uint32_t node = stack_cache_find(&stack_cache_by_frames, by_frames(at));
    return node && (uint32_t)stacks_node(node) == at->frame ? node : 0;
}

/* A stack that is not remembered gets its number from the trie, as all that it consists of. */
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

/* The slot of a frame, which p has, too: the processor then goes on with p's, which it knows already, and
 * finds out later that they were equal. So the steps of a walk, of which each needs what the one before has
 * read, run side by side. */
INLINE uint64_t same_slot(const struct seen *p)
{
    return processor_load(&p->slot);
}

/* Of a stack that is cut: the end of the frames that have to be looked at from p on, when n were walked. One
 * more than are kept shows that the stack is deeper. */
INLINE const struct seen *enough(const struct unwind *u, const struct seen *p, const struct seen *end,
                                 uint32_t n)
{
    uint32_t left = (uint32_t)(end - p), wanted = n < u->depth ? u->depth + 1 - n : 1;
    return left <= wanted ? end : p + wanted;
}

/* True if the frames that are remembered can be read still, up to the outermost. */
INLINE bool all_there(const struct seen *end, struct extent *stack)
{
    return LIKELY(stack->own) || extent_holds(stack, end[-1].slot);
}

/* True if the stack is cut where the one before was; p and n as for unwind_keep(). */
INLINE bool cut_stays(const struct unwind *u, const struct seen *p, uint32_t n)
{
    uint32_t place = (uint32_t)(p - u->seen), top = place - n;
    return place >= n && place <= u->base && u->room - top > u->depth &&
           u->base - top - u->kept.least <= u->kept.most - u->kept.least;
}

static uint32_t walk_stack(struct unwind *u, uint64_t first_slot);

/* The walk. cut: the stack before was deeper than what is kept. */
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
        /* The caller's frame lies further out, and rbp was saved between the two; if that seems not to be
         * so, the stack is not what the rules think. Frame pointers end with 0. */
        if (UNLIKELY(cfa - 8 <= slot || cfa & 7 || !extent_holds(&stack, cfa - 8) ||
                     (step->saved && (step->saved <= slot || step->saved >= cfa)))) {
            if (!stack.own && n <= u->depth) /* the caller may be on another one */
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

/* Not cold: see predict_learn(). */
static __attribute__((noinline)) GUEST_ALIGNED uint32_t walk_cut(struct unwind *u, uint64_t first_slot)
{
    return walk(u, first_slot, true);
}

static __attribute__((noinline)) GUEST_ALIGNED uint32_t walk_stack(struct unwind *u, uint64_t first_slot)
{
    return UNLIKELY(u->base != u->room) ? walk_cut(u, first_slot) : walk(u, first_slot, false);
}

/* Calls nothing, so that it needs no frame. */
__attribute__((noinline)) struct stack_cache_place unwind_predict(struct unwind *u, const void *hook_frame)
{
    return predict_stack(u->predictor, hook_frame);
}

/* Not cold: in deep a ninth of the stacks come here. */
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
