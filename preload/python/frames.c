/* frames.c - names the calling thread's Python stack by a node of the trie.
 *
 * Most of a stack did not change since the thread's previous one, which is remembered frame by frame. The
 * walk goes outwards until it comes to a frame of the previous stack; from there on the frames are compared
 * with what is remembered: the same link to the next outer frame, the same code, the same instruction. These
 * comparisons do not wait for each other as the steps of a walk do. What differs gets a new node, so the
 * result is always that of the whole walk.
 *
 * The chain of a thread's frames changes on that thread alone, so it holds still while the thread is in here.
 */
#include "frames.h"
#include "codes.h"
#include "../stack/stacks.h"

/* Memories by ring slot, as those of the recorder are: a slot's next owner uses them again. */
static struct python_thread *_Atomic memories[WIRE_RINGS];

NOINLINE struct python_thread *python_thread_new(struct thread *t)
{
    size_t index = (size_t)(t->ring - arena->ring);
    struct python_thread *memory = atomic_load(&memories[index]);
    if (!memory) {
        memory = guest_pages(sizeof *memory);
        if (memory)
            atomic_store(&memories[index], memory);
    } else {
        memory->depth = 0;
    }
    t->python = memory;
    return memory;
}

static inline uint64_t memo_index(uintptr_t code, uint64_t instruction, uint32_t parent)
{
    uint64_t key = (code >> 4) ^ (instruction >> 1) ^ (uint64_t)parent << 20;
    return key * 0x9e3779b97f4a7c15ull >> (64 - PYTHON_MEMO_BITS);
}

/* The node of a frame below its parent's. */
static inline uint32_t child(struct python_thread *t, const struct python_frame *f, uint32_t parent,
                             uint32_t generator, unsigned owner)
{
    struct python_memo *memo = &t->memo[memo_index(f->code, f->instruction, parent)];
    if (LIKELY(memo->code == f->code && memo->instruction == f->instruction && memo->parent == parent &&
               memo->generator == generator && memo->generation == (uint32_t)t->generation))
        return memo->node;
    if (!frames_counts(&python.layout, f, owner))
        return parent;
    uint32_t frame = codes_frame(f->code, f->instruction);
    uint32_t node = stacks_child(parent, frame);
    *memo = (struct python_memo){f->code, f->instruction, parent, generator, node, (uint32_t)t->generation};
    return node;
}

/* Remembers f as the frame at this place of the stack, below what is there. */
static inline uint32_t put(struct python_thread *t, uint32_t place, const struct python_frame *f,
                           uint32_t parent)
{
    unsigned owner = frames_owner(&python.layout, f->frame);
    uint32_t generator = owner == PYTHON_OWNER_GENERATOR;
    uint32_t node = UNLIKELY(owner >= PYTHON_OWNER_SHIM) ? parent : child(t, f, parent, generator, owner);
    t->seen[place] = (struct python_seen){*f, node, owner};
    return node;
}

/* The place after that of this frame in the previous stack, 0 if it is not among its innermost ones. */
static inline uint32_t find(const struct python_thread *t, uintptr_t frame)
{
    uint32_t low = t->depth > 6 ? t->depth - 6 : 0;
    for (uint32_t place = t->depth; place > low; place--)
        if (t->seen[place - 1].is.frame == frame)
            return place;
    return 0;
}

/* Compares the previous stack with memory from place - 1 outwards, and remembers what has changed. False if
 * the chain is another one. */
static inline bool verify(struct python_thread *t, const struct python_layout *l, uint32_t place)
{
    uint32_t changed = place;
    for (uint32_t i = place; i-- > 0;) {
        const struct python_seen *seen = &t->seen[i];
        struct python_frame now;
        frames_read(l, seen->is.frame, &now);
        if (UNLIKELY(now.previous != seen->is.previous))
            return false;
        if (UNLIKELY(now.code != seen->is.code || now.instruction != seen->is.instruction))
            changed = i;
    }
    for (uint32_t i = changed; i < place; i++) {
        struct python_frame now;
        frames_read(l, t->seen[i].is.frame, &now);
        put(t, i, &now, i ? t->seen[i - 1].node : WIRE_NODE_ROOT);
    }
    return true;
}

/* The whole walk. Stacks deeper than what is remembered are cut: their outermost frames are left out. */
static NOINLINE uint32_t walk(struct python_thread *t, const struct python_layout *l, uintptr_t top)
{
    uint32_t depth = 0, node = WIRE_NODE_ROOT;
    uintptr_t frame = top;
    for (; frame && depth < PYTHON_DEPTH; depth++)
        frame = frames_word(frame, l->frame_previous);
    if (frame)
        node = WIRE_NODE_CUT;
    frame = top;
    for (uint32_t place = depth; place-- > 0;) {
        t->seen[place].is.frame = frame;
        frame = frames_word(frame, l->frame_previous);
    }
    for (uint32_t place = 0; place < depth; place++) {
        struct python_frame f;
        frames_read(l, t->seen[place].is.frame, &f);
        node = put(t, place, &f, node);
    }
    /* A cut stack has no outer end that the next one could be compared with. */
    t->depth = frame ? 0 : depth;
    return node == WIRE_NODE_CUT ? 0 : node;
}

uint32_t frames_node(struct python_thread *t, uintptr_t state)
{
    const struct python_layout *l = &python.layout;
    struct python_frame fresh[PYTHON_FRESH];
    uint32_t count = 0, place = 0;
    uint64_t generation = atomic_load_explicit(&codes_generation, memory_order_acquire);

    if (UNLIKELY(t->generation != generation)) {
        t->generation = generation;
        t->depth = 0;
    }
    for (uintptr_t frame = frames_top(l, state); frame; frame = fresh[count++].previous) {
        if ((place = find(t, frame)) != 0)
            break;
        if (UNLIKELY(count == PYTHON_FRESH))
            return walk(t, l, frames_top(l, state));
        frames_read(l, frame, &fresh[count]);
    }
    if (UNLIKELY(place + count > PYTHON_DEPTH || !verify(t, l, place)))
        return walk(t, l, frames_top(l, state));
    uint32_t node = place ? t->seen[place - 1].node : WIRE_NODE_ROOT;
    while (count-- > 0)
        node = put(t, place++, &fresh[count], node);
    t->depth = place;
    return node;
}
