/* frames.c - finds the calling thread's Python stack as a node of the trie.
 *
 * The same stacks occur again and again, and a stack's node depends only on where in the code each of its
 * frames is. So these positions are hashed, and the hash is looked up. The chain of frames is read along a
 * previously walked one, which lies in an array: each link is only compared with the one there, so that the
 * next frame need not wait for it.
 *
 * Unknown stacks are walked: outwards, until a frame belongs to the stack that was walked last; from there on
 * the frames are compared with what is remembered. What differs gets a new node, so the result is always that
 * of a complete walk.
 *
 * Of a stack deeper than LIBTRACE_DEPTH only the innermost frames are looked at, along the frames that were
 * there before (kept.h: how many).
 *
 * Only the thread itself changes its chain of frames, so the chain stays as it is during a hook.
 */
#include "frames.h"
#include "codes.h"
#include "fixed_offsets.h"
#include "guest_assert.h"
#include "kept.h"
#include "stacks.h"

static uint32_t walk_and_learn(struct python_thread *t, uintptr_t top);
static uint32_t cut_again(struct python_thread *t, uintptr_t top);

/* By ring slot, like the recorder's states: the slot's next owner uses the memory again. */
static struct python_thread *_Atomic memories[WIRE_RINGS];

NOINLINE struct python_thread *python_thread_new(struct thread *t)
{
    size_t index = (size_t)(t->ring - arena->ring);
    guest_assert(index < WIRE_RINGS);
    struct python_thread *memory = atomic_load(&memories[index]);
    if (!memory) {
        memory = guest_pages(sizeof *memory);
        if (!memory)
            return NULL;
        atomic_store(&memories[index], memory);
    }
    memory->depth = memory->cut.top = 0;
    memory->unknown = walk_and_learn;
    t->python = memory;
    return memory;
}

/* The part of the layout that a walk needs, in registers. "pointer" is a constant where it is used: there are
 * two copies of each walk. */
struct fields {
    bool pointer; /* layout.instruction is PYTHON_POINTER */
    size_t previous, code, instruction, owner;
};

INLINE struct fields fields_of(const struct python_layout *l, bool pointer)
{
    return (struct fields){pointer, l->frame_previous, l->frame_code, l->frame_instruction, l->frame_owner};
}

/* The same as frames_where() where that is defined; otherwise a value that is almost certainly equal to no
 * other. For comparing only. Takes no branch. */
INLINE uint64_t where_to_compare(struct fields f, uintptr_t frame)
{
    if (f.pointer)
        return frames_word(frame, f.instruction);
    int64_t instruction = *(const int32_t *)(frame + f.instruction);
    return (frames_word(frame, f.code) << (FRAMES_INSTRUCTION_BITS - 4)) + (uint64_t)instruction + 1;
}

/* The two places that may hold a frame's node below its parent's. parent includes the generation. */
INLINE struct python_memo *memo_set(struct python_thread *t, uint64_t where, uint64_t parent)
{
    uint64_t hash = (where ^ parent << 32) * 0x9e3779b97f4a7c15ull >> (64 - PYTHON_MEMO_BITS);
    return t->memo[hash];
}

INLINE uint32_t memo_node(const struct python_memo *set, uint64_t where, uint64_t parent)
{
    if (LIKELY(set[0].where == where && set[0].parent == parent))
        return set[0].node;
    return set[1].where == where && set[1].parent == parent ? set[1].node : 0;
}

/* Shims get their parent's node, and so do frames that are being set up, as those are not running yet. A
 * generator's frame runs although its instruction says that it is being set up. So the node for such an
 * instruction depends on the frame, and is not remembered: then *loose is 1. */
static NOINLINE uint32_t child_slow(struct python_memo *set, uintptr_t frame, uint64_t where, uint64_t parent,
                                    uint32_t *loose)
{
    const struct python_layout *l = &python.layout;
    uint32_t node = (uint32_t)parent;
    unsigned owner = frames_owner(l, frame);
    if (owner < PYTHON_OWNER_SHIM) {
        uintptr_t code = frames_code(l, frame);
        uint64_t instruction = frames_instruction(l, frame);
        bool early = l->frame_owner != PYTHON_NO_OFFSET &&
                     instruction < code + l->code_bytecode +
                                       2 * (uint64_t) * (const uint32_t *)(code + l->code_first_traceable);
        *loose = early || where == FRAMES_NOWHERE;
        if (early && owner != PYTHON_OWNER_GENERATOR)
            return node;
        node = stacks_child(node, codes_frame(code, instruction));
        if (*loose)
            return node;
    }
    set[1] = set[0];
    set[0] = (struct python_memo){where, node, 0, parent};
    return node;
}

/* The node of a frame below its parent's. *loose: see child_slow(). */
INLINE uint32_t child(struct python_thread *t, uintptr_t frame, uint64_t where, uint32_t parent,
                      uint32_t *loose)
{
    uint64_t key = t->generation | parent;
    struct python_memo *set = memo_set(t, where, key);
    uint32_t node = memo_node(set, where, key);
    *loose = 0;
    return LIKELY(node) ? node : child_slow(set, frame, where, key, loose);
}

/* Remembers a frame in this place of the stack, and its node below that of the frame further out. */
INLINE void put(struct python_thread *t, struct fields f, struct python_seen *seen, uintptr_t frame,
                bool counted)
{
    uint64_t where = frames_where(f.pointer, f.code, f.instruction, frame);
    uint32_t loose;
    seen->frame = frame;
    seen->where = where;
    seen->node = child(t, frame, where, seen[-1].node, &loose);
    seen->loose = seen[-1].loose | (uint16_t)loose;
    if (counted)
        seen->frames = seen[-1].frames + !frames_is_shim(f.pointer, f.owner, frame);
}

/* Where this frame may be in the stack. */
INLINE const struct python_seen *seen_at(const struct python_thread *t, uintptr_t frame)
{
    return (const struct python_seen *)((const char *)t->seen + t->place[frames_hash(frame)]);
}

_Static_assert(sizeof((struct python_thread){0}.seen) <= UINT16_MAX, "offsets in it are 16 bits");

INLINE void put_fresh(struct python_thread *t, struct fields f, uint32_t place, uintptr_t frame)
{
    t->place[frames_hash(frame)] = (uint16_t)(place * sizeof *t->seen);
    put(t, f, &t->seen[place], frame, false);
}

/* The place of this frame in the previous stack, if it has the same caller there; 0 = it has not, or is no
 * longer known. (Up to 3.10, a recursive function may use the same frame at every level.) */
INLINE uint32_t find(const struct python_thread *t, struct fields f, uintptr_t frame)
{
    const struct python_seen *seen = seen_at(t, frame);
    uint32_t place = (uint32_t)(seen - t->seen);
    if (place == 0 || place > t->depth || seen->frame != frame)
        return 0;
    return frames_word(frame, f.previous) == seen[-1].frame ? place : 0;
}

#define COMPARED 8 /* frames at once */

/* Compares frames with memory from seen outwards, up to end. Returns the outermost frame that may have moved
 * on, end if none has, NULL if the chain has changed. The innermost frames move on all the time, so they are
 * compared one by one. */
INLINE struct python_seen *compare(struct fields f, struct python_seen *seen, struct python_seen *end)
{
    struct python_seen *changed = end;
    if (seen == end)
        return end;
    for (size_t ones = (size_t)(seen - end - 1) % COMPARED + 1; ones > 0; ones--, seen--) {
        if (UNLIKELY(frames_word(seen->frame, f.previous) != seen[-1].frame))
            return NULL;
        changed = where_to_compare(f, seen->frame) != seen->where ? seen : changed;
    }
    for (; seen > end; seen -= COMPARED) {
        uint64_t differences = 0;
#pragma GCC unroll 8
        for (unsigned i = 0; i < COMPARED; i++) {
            const struct python_seen *at = seen - i;
            uintptr_t frame = at->frame;
            if (UNLIKELY(frames_word(frame, f.previous) != at[-1].frame))
                return NULL;
            differences |= where_to_compare(f, frame) ^ at->where;
        }
        if (UNLIKELY(differences))
            for (changed = seen - COMPARED + 1;
                 changed < seen && where_to_compare(f, changed->frame) == changed->where;)
                changed++;
    }
    return changed;
}

/* Not inline, as this takes all registers. */
static __attribute__((noinline)) struct python_seen *compare_pointers(struct python_seen *seen,
                                                                      struct python_seen *end,
                                                                      struct fields f)
{
    f.pointer = true;
    return compare(f, seen, end);
}

static __attribute__((noinline)) struct python_seen *compare_numbers(struct python_seen *seen,
                                                                     struct python_seen *end, struct fields f)
{
    f.pointer = false;
    return compare(f, seen, end);
}

/* Compares the previous stack with memory from last outwards, up to end, and remembers what has changed.
 * False if the chain has changed. */
INLINE bool verify(struct python_thread *t, struct fields f, struct python_seen *last,
                   struct python_seen *end, bool counted)
{
    struct python_seen *changed = f.pointer ? compare_pointers(last, end, f) : compare_numbers(last, end, f);
    if (UNLIKELY(!changed))
        return false;
    if (changed > end)
        for (; changed <= last; changed++)
            put(t, f, changed, changed->frame, counted);
    return true;
}

/* The remembered next outer frame: it was compared with the link and is equal, but is there without waiting.
 * The compiler must not see that they are equal, or it may use the link. */
INLINE uintptr_t as_it_was(const struct python_seen *seen)
{
    uintptr_t frame = seen->frame;
    __asm__("" : "+r"(frame));
    return frame;
}

/* ---- stacks that are cut ---------------------------------------------------------------------- */

/* Nothing is known further out. The 0 at the end of a chain must not look like a remembered frame. */
INLINE void end_guesses(struct python_seen *seen)
{
    if (seen->frame == 0)
        seen->frame = 1;
}

INLINE void put_cut(struct python_thread *t, struct fields f, uint32_t place, uintptr_t frame)
{
    t->cut.place[frames_hash(frame)] = (uint16_t)place;
    put(t, f, &t->cut.seen[place], frame, true);
}

/* Cuts the stack here: nodes begin at WIRE_NODE_CUT. */
INLINE void cut_at(struct python_cut *cut, uint32_t base)
{
    cut->base = base;
    cut->seen[base].node = WIRE_NODE_CUT;
    cut->seen[base].loose = 0;
}

/* Walks the stack, of which `keep` frames are kept, until it is certain to be deeper than LIBTRACE_DEPTH. If
 * it is not, returns 0, and sets `unknown` for whole stacks. */
static __attribute__((noinline)) uint32_t walk_cut(struct python_thread *t, uintptr_t top, uint32_t keep)
{
    struct fields f = fields_of(&python.layout, python.layout.instruction == PYTHON_POINTER);
    struct python_cut *cut = &t->cut;
    uint32_t place = PYTHON_CUT - PYTHON_DEPTH, frames = 0;
    t->unknown = walk_and_learn;
    cut->top = cut->base = 0;
    for (uintptr_t frame = top; frames <= settings.depth; frame = frames_word(frame, f.previous)) {
        if (!frame || place == PYTHON_CUT - 2 * PYTHON_DEPTH)
            return 0;
        frames += !frames_is_shim(f.pointer, f.owner, frame);
        if (frames > keep && !cut->base)
            cut->base = place;
        cut->seen[place--].frame = frame;
    }
    guest_assert(place < cut->base && cut->base < PYTHON_CUT - PYTHON_DEPTH);
    end_guesses(&cut->seen[place]);
    cut_at(cut, cut->base);
    cut->top = PYTHON_CUT - PYTHON_DEPTH;
    for (place = cut->base + 1; place <= cut->top; place++)
        put_cut(t, f, place, cut->seen[place].frame);
    t->unknown = cut_again;
    return cut->seen[cut->top].node;
}

INLINE uint32_t frames_of_cut(const struct python_cut *cut, uint32_t place)
{
    return place <= cut->base ? 0 : (uint16_t)(cut->seen[place].frames - cut->seen[cut->base].frames);
}

/* True if there are this many frames from base outwards. As long as the links are the remembered ones,
 * several are compared at once. */
INLINE bool goes_on(struct python_cut *cut, struct fields f, uint32_t frames)
{
    struct python_seen *seen = &cut->seen[cut->base], *const end = cut->seen + 1;
    for (uint32_t links = COMPARED; frames > COMPARED && seen - end > COMPARED && links == COMPARED;) {
        uint32_t shims = 0;
#pragma GCC unroll 8
        for (links = 0; links < COMPARED; links++) {
            uintptr_t frame = seen[-(ptrdiff_t)links].frame;
            if (UNLIKELY(frames_word(frame, f.previous) != seen[-(ptrdiff_t)links - 1].frame))
                break;
            shims += frames_is_shim(f.pointer, f.owner, frame);
        }
        seen -= links;
        frames -= links - shims;
    }
    for (uintptr_t frame = seen->frame; seen > end; frame = as_it_was(seen)) {
        frames -= !frames_is_shim(f.pointer, f.owner, frame);
        if (frames == 0)
            return true;
        uintptr_t outer = frames_word(frame, f.previous);
        seen--;
        if (UNLIKELY(outer != seen->frame)) {
            if (!outer)
                return false;
            seen->frame = outer;
            end_guesses(seen - 1);
        }
    }
    return false;
}

static __attribute__((noinline)) bool goes_on_pointers(struct python_cut *cut, uint32_t frames,
                                                       struct fields f)
{
    f.pointer = true;
    return goes_on(cut, f, frames);
}

static __attribute__((noinline)) bool goes_on_numbers(struct python_cut *cut, uint32_t frames,
                                                      struct fields f)
{
    f.pointer = false;
    return goes_on(cut, f, frames);
}

/* Moves the cut inwards so that this many frames are kept. All that is remembered of them stays valid, except
 * for their nodes. */
static __attribute__((noinline)) uint32_t move_inwards(struct python_thread *t, uint32_t keep)
{
    struct python_cut *cut = &t->cut;
    struct python_seen *seen = &cut->seen[cut->base + 1], *const top = &cut->seen[cut->top];
    while ((uint16_t)(top->frames - seen->frames) > keep)
        seen++;
    cut_at(cut, (uint32_t)(seen - cut->seen));
    while (seen++ < top) {
        uint32_t loose;
        seen->node = child(t, seen->frame, seen->where, seen[-1].node, &loose);
        seen->loose = seen[-1].loose | (uint16_t)loose;
    }
    return top->node;
}

/* Moves the cut outwards so that this many frames are kept. These and the next outer one are known to be the
 * remembered ones, so no link has to be waited for. */
static __attribute__((noinline)) uint32_t move_outwards(struct python_thread *t, uint32_t keep)
{
    struct fields f = fields_of(&python.layout, python.layout.instruction == PYTHON_POINTER);
    struct python_cut *cut = &t->cut;
    uint32_t base = cut->top;
    for (uint32_t frames = 0;; base--) {
        guest_assert(base > 0);
        frames += !frames_is_shim(f.pointer, f.owner, cut->seen[base].frame);
        if (frames > keep)
            break;
    }
    cut_at(cut, base);
    for (uint32_t place = base + 1; place <= cut->top; place++)
        put_cut(t, f, place, cut->seen[place].frame);
    return cut->seen[cut->top].node;
}

/* The node of a stack that probably has to be cut; if it has not, see walk_cut(). */
INLINE uint32_t node_of_cut(struct python_thread *t, uintptr_t top, struct fields f)
{
    struct python_cut *cut = &t->cut;
    struct kept limits = kept_of(settings.depth);
    uintptr_t fresh[PYTHON_FRESH], frame = top;
    uint32_t count = 0, place;
    for (;; frame = frames_word(frame, f.previous)) {
        if (!frame || count == PYTHON_FRESH)
            return walk_cut(t, top, limits.shrinking);
        place = cut->place[frames_hash(frame)];
        if (place > 0 && place <= cut->top && cut->seen[place].frame == frame &&
            cut->seen[place - 1].frame == frames_word(frame, f.previous))
            break;
        fresh[count++] = frame;
    }
    if (UNLIKELY(place < cut->base || place + count >= PYTHON_CUT ||
                 !verify(t, f, &cut->seen[place], &cut->seen[cut->base], true)))
        return walk_cut(t, top, limits.shrinking);
    guest_assert(place >= cut->base && place + count < PYTHON_CUT);
    while (count > 0)
        put_cut(t, f, ++place, fresh[--count]);
    cut->top = place;
    uint32_t frames = frames_of_cut(cut, place);
    if (UNLIKELY(frames > limits.most))
        return move_inwards(t, limits.growing);
    if (UNLIKELY(!(f.pointer ? goes_on_pointers(cut, limits.most + 1 - frames, f)
                             : goes_on_numbers(cut, limits.most + 1 - frames, f))))
        return walk_cut(t, top, limits.shrinking);
    return LIKELY(frames >= limits.least) ? cut->seen[place].node : move_outwards(t, limits.shrinking);
}

static uint32_t cut_node(struct python_thread *t, uintptr_t top)
{
    const struct python_layout *l = &python.layout;
    return l->instruction == PYTHON_POINTER ? node_of_cut(t, top, fields_of(l, true))
                                            : node_of_cut(t, top, fields_of(l, false));
}

/* For a stack after one that was cut. */
static __attribute__((noinline)) uint32_t cut_again(struct python_thread *t, uintptr_t top)
{
    uint32_t node = cut_node(t, top);
    return LIKELY(t->unknown == cut_again) ? node : walk_and_learn(t, top);
}

/* ---- whole stacks ----------------------------------------------------------------------------- */

/* Remembers a stack of this many frames, shims included. */
static void put_all(struct python_thread *t, struct fields f, uintptr_t frame, uint32_t depth)
{
    guest_assert(depth <= PYTHON_DEPTH);
    for (uint32_t place = depth; place > 0; place--) {
        t->seen[place].frame = frame;
        frame = frames_word(frame, f.previous);
    }
    for (uint32_t place = 1; place <= depth; place++)
        put_fresh(t, f, place, t->seen[place].frame);
}

/* True if the stack has more frames than LIBTRACE_DEPTH. *depth: its frames, shims included. */
static NOINLINE bool too_deep(struct fields f, uintptr_t top, uint32_t *depth)
{
    uint32_t frames = 0;
    *depth = 0;
    for (uintptr_t frame = top; frame; frame = frames_word(frame, f.previous)) {
        frames += !frames_is_shim(f.pointer, f.owner, frame);
        if (frames > settings.depth || ++*depth > PYTHON_DEPTH)
            return true;
    }
    return false;
}

/* Walks the complete stack. */
static NOINLINE uint32_t walk(struct python_thread *t, uintptr_t top)
{
    struct fields f = fields_of(&python.layout, python.layout.instruction == PYTHON_POINTER);
    uint32_t depth;
    if (too_deep(f, top, &depth)) {
        t->depth = 0; /* a cut stack is not to be learned as a whole one */
        return walk_cut(t, top, kept_of(settings.depth).growing);
    }
    put_all(t, f, top, depth);
    t->depth = depth;
    return t->seen[depth].node;
}

/* The node of a whole stack, known or not. */
INLINE uint32_t node_of(struct python_thread *t, uintptr_t top, struct fields f)
{
    uintptr_t fresh[PYTHON_FRESH], frame = top;
    uint32_t count = 0, place = 0;
    for (; frame && !(place = find(t, f, frame)); frame = frames_word(frame, f.previous)) {
        if (UNLIKELY(count == PYTHON_FRESH))
            return walk(t, top);
        fresh[count++] = frame;
    }
    uint32_t depth;
    if (UNLIKELY(place + count > settings.depth && too_deep(f, top, &depth)) ||
        UNLIKELY(!verify(t, f, &t->seen[place], t->seen, false)))
        return walk(t, top);
    t->depth = place + count;
    guest_assert(t->depth <= PYTHON_DEPTH);
    while (count > 0)
        put_fresh(t, f, ++place, fresh[--count]);
    return t->seen[place].node;
}

static uint32_t node_slow(struct python_thread *t, uintptr_t top)
{
    const struct python_layout *l = &python.layout;
    return l->instruction == PYTHON_POINTER ? node_of(t, top, fields_of(l, true))
                                            : node_of(t, top, fields_of(l, false));
}

INLINE uint64_t add_last(uint64_t hash, uint64_t where)
{
    return (hash + where) * 0x9e3779b97f4a7c15ull;
}

/* Two frames at once, so that one multiplication need not wait for the other. */
INLINE uint64_t add_two(uint64_t hash, uint64_t inner, uint64_t outer)
{
    return add_last(hash + inner * 0xd6e8feb86659fd93ull, outer);
}

INLINE struct python_known *known_at(struct python_thread *t, uint64_t hash)
{
    return &t->known[hash >> (64 - PYTHON_KNOWN_BITS)];
}

/* For a stack that is not known. Not marked cold: in programs with more stacks than there is room for, this
 * is frequent. */
static __attribute__((noinline)) uint32_t walk_and_learn(struct python_thread *t, uintptr_t top)
{
    uint32_t node = node_slow(t, top), place = t->depth;
    const struct python_seen *seen = &t->seen[place];
    if (place && !seen->loose) {
        uint64_t hash = t->generation;
        for (; place > 1; place -= 2)
            hash = add_two(hash, t->seen[place].where, t->seen[place - 1].where);
        if (place)
            hash = add_last(hash, t->seen[place].where);
        t->walked = known_at(t, hash);
        *t->walked = (struct python_known){.hash = hash, .node = node};
    }
    return node;
}

static __attribute__((noinline)) struct python_known *walk_unknown(struct python_thread *t)
{
    uint64_t generation = atomic_load_explicit(&codes_generation, memory_order_acquire);
    if (UNLIKELY(t->generation != generation)) {
        t->generation = generation;
        t->depth = t->cut.top = 0;
    }
    t->walked = &t->unlearned;
    uint32_t node = t->unknown(t, t->top);
    if (t->walked == &t->unlearned)
        t->unlearned = (struct python_known){.node = node};
    return t->walked;
}

/* For a stack with the chain of a previously walked one, if its node is known. There is no call on that path,
 * so that it needs few registers. */
INLINE struct python_known *known_fast(struct python_thread *t, uintptr_t top, struct fields f)
{
    /* With another generation than the thread's no hash is known. */
    uint64_t hash = atomic_load_explicit(&codes_generation, memory_order_acquire);
    const struct python_seen *seen = seen_at(t, top);
    t->top = top;
    if (UNLIKELY(seen->frame != top || !top))
        return walk_unknown(t);
    for (uintptr_t frame = top, outer; frame; frame = as_it_was(seen)) {
        uint64_t where = where_to_compare(f, frame);
        if (UNLIKELY((--seen)->frame != frames_word(frame, f.previous)))
            return walk_unknown(t);
        if (!(outer = as_it_was(seen))) {
            hash = add_last(hash, where);
            break;
        }
        hash = add_two(hash, where, where_to_compare(f, outer));
        if (UNLIKELY((--seen)->frame != frames_word(outer, f.previous)))
            return walk_unknown(t);
    }
    struct python_known *known = known_at(t, hash);
    return LIKELY(known->hash == hash) ? known : walk_unknown(t);
}

const struct python_seen *frames_walk(struct python_thread *t, uintptr_t state, uint32_t node,
                                      uint32_t *length, bool *cut)
{
    const struct python_seen *top = &t->cut.seen[t->cut.top];
    uintptr_t frame = frames_top(&python.layout, state);
    /* No whole stack has the node of one that is cut. So if the node is that of the remembered cut stack,
     * this is it. */
    *cut = t->unknown == cut_again && top->node == node && top->frame == frame;
    if (!*cut)
        node_slow(t, frame);
    *length = *cut ? t->cut.top - t->cut.base : t->depth;
    return *cut ? &t->cut.seen[t->cut.base] : t->seen;
}

INLINE struct python_known *known_of(struct python_thread *t, uintptr_t state, enum python_family family)
{
    const struct python_layout *l = python_layout_of(family);
    uintptr_t top = frames_word(state, l->thread_frame);
    if (python_has_cframes(family) && LIKELY(top != 0))
        top = frames_word(top, l->cframe_frame);
    return known_fast(t, top, fields_of(l, family != PYTHON_FROM_38));
}

struct python_known *frames_known_38(struct python_thread *t, uintptr_t state)
{
    return known_of(t, state, PYTHON_FROM_38);
}

struct python_known *frames_known_311(struct python_thread *t, uintptr_t state)
{
    return known_of(t, state, PYTHON_FROM_311);
}

struct python_known *frames_known_312(struct python_thread *t, uintptr_t state)
{
    return known_of(t, state, PYTHON_FROM_312);
}

struct python_known *frames_known_313(struct python_thread *t, uintptr_t state)
{
    return known_of(t, state, PYTHON_FROM_313);
}

uint32_t frames_node(struct python_thread *t, uintptr_t state)
{
    return frames_known(t, state, python_family(&python.layout))->node;
}
