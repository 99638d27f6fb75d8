/* hybrid.c - see hybrid.h.
 *
 * The native stack has frames of the function that runs bytecode; each of them stands for a group of Python
 * frames:
 *
 *   native                        Python                      hybrid
 *   list_append                                               list_append
 *   _PyEval_EvalFrameDefault      inner, called by outer      inner, outer
 *   partial_call                                              partial_call
 *   _PyEval_EvalFrameDefault      main                        main
 *   main                                                      main (of C)
 *
 * Up to 3.10 a group is one frame. Later versions run a call from Python to Python without a new C frame, and
 * mark where a group ends: 3.11 the frame for which the C function was entered, 3.12+ a shim behind it.
 *
 * Each of the two stacks may be cut, see kept.h; where the first of them ends, the hybrid is cut.
 *
 * A new stack mostly ends as others do. What the outer part of one became is remembered for the two nodes
 * that it was made of, so that only what is new has to be put together.
 */
#include "hybrid.h"
#include "eval.h"
#include "number_cache.h"
#include "stacks.h"

/* native node << 32 | Python node -> hybrid node. Only written under the lock. */
static struct table hybrids = {.most_bits = 15};
static _Atomic int locked;

/* Bit of a key: the Python node is within a group. The native node in that key is the one that the group's
 * native frame was called from. */
#define AMIDST (1ull << 63)

#define PART 8u /* of the places within groups, only one in so many is remembered */

struct mix {
    struct python_thread *mine;
    const struct python_seen *seen; /* the Python stack; [0] is before its outermost frame */
    uint32_t place;                 /* frames of seen that are still to be mixed in */
    bool cut;                       /* outer Python frames were cut off */
    uint32_t frames;                /* in mine->mixed */
    uint32_t marks;                 /* in mine->marks */
};

static bool is_shim(const struct python_seen *seen)
{
    return frames_owner(&python.layout, seen->frame) >= PYTHON_OWNER_SHIM;
}

/* The hybrid node of what is still to be mixed, if the key is known; else 0, and if `remember`, its node will
 * be remembered under that key. */
static uint32_t find_rest(struct mix *m, uint64_t key, bool remember)
{
    key |= m->seen[m->place].node;
    uint32_t node = table_get(&hybrids, key);
    if (!node && remember && m->marks < PYTHON_MARKS)
        m->mine->marks[m->marks++] = (struct python_mark){key, m->frames, 0};
    return node;
}

/* Adds the group of Python frames that begins at m->place and goes outwards. outer: the node that the group's
 * native frame was called from. Returns the hybrid node of the rest if it is known, else 0. */
static uint32_t take_group(struct mix *m, uint32_t outer)
{
    const struct python_layout *l = &python.layout;
    for (bool first = true; m->place > 0; first = false) {
        const struct python_seen *seen = &m->seen[m->place--];
        if (is_shim(seen))
            break;
        if (seen->node != seen[-1].node)
            m->mine->mixed[m->frames++] = (uint32_t)stacks_node(seen->node);
        if (l->frame_owner == PYTHON_NO_OFFSET)
            break;
        if (l->frame_is_entry != PYTHON_NO_OFFSET &&
            *(const unsigned char *)(seen->frame + l->frame_is_entry))
            break;
        /* A shim has the node of the next outer frame, which belongs to another group. */
        if (m->place == 0 || is_shim(&m->seen[m->place]))
            continue;
        uint32_t node = find_rest(m, AMIDST | (uint64_t)outer << 32, first || seen->node % PART == 0);
        if (node)
            return node;
    }
    bool more = m->place > 0 && outer != WIRE_NODE_CUT && !is_shim(&m->seen[m->place]);
    return more ? find_rest(m, (uint64_t)outer << 32, true) : 0;
}

/* Mixes frames until a known rest is reached, or the end. Returns the node of that rest. */
static uint32_t take_all(struct mix *m, uint32_t native)
{
    uint32_t natives = 0;
    while (native != WIRE_NODE_ROOT && native != WIRE_NODE_CUT && natives++ < PYTHON_NATIVES) {
        uint64_t key = stacks_node(native);
        uint32_t outer = (uint32_t)(key >> 32);
        if (eval_holds((uintptr_t)stacks_frame_value((uint32_t)key) - 1)) {
            uint32_t node = take_group(m, outer);
            if (node)
                return node;
        } else {
            m->mine->mixed[m->frames++] = (uint32_t)key;
        }
        native = m->cut && !m->place ? WIRE_NODE_CUT : outer;
    }
    /* Python frames without a recognized C frame: better shown in a wrong place than lost. */
    while (m->place > 0 && native == WIRE_NODE_ROOT) {
        uint32_t node = take_group(m, native);
        if (node)
            return node;
    }
    return m->cut ? WIRE_NODE_CUT : native;
}

static uint32_t mix_stacks(struct mix *m, uint64_t key)
{
    struct python_mark *marks = m->mine->marks;
    marks[m->marks++] = (struct python_mark){key, 0, 0};
    struct stacks_way way = {.node = take_all(m, (uint32_t)(key >> 32))};
    way.left = m->frames;
    while (m->marks > 0 && marks[m->marks - 1].frames == m->frames)
        m->marks--; /* there are no frames further out */
    uint32_t mark = m->marks;
    for (uint32_t frame = m->frames; frame-- > 0;) {
        stacks_step(&way, m->mine->mixed[frame]);
        for (; mark > 0 && marks[mark - 1].frames == frame; mark--)
            marks[mark - 1].node = way.node;
    }
    return way.node;
}

static void remember(const struct mix *m)
{
    if (atomic_exchange(&locked, 1))
        return;
    for (uint32_t mark = 0; mark < m->marks; mark++)
        if (m->mine->marks[mark].node)
            table_put(&hybrids, m->mine->marks[mark].key, m->mine->marks[mark].node);
    atomic_store(&locked, 0);
}

uint32_t hybrid_node(struct thread *t, struct python_thread *mine, uintptr_t state, const void *frame)
{
    uint32_t own = frames_node(mine, state);
    if (!own)
        return own;
    uint32_t native = unwind_stack(&t->unwind, frame);
    uint64_t key = (uint64_t)native << 32 | own;
    uint32_t node = table_get(&hybrids, key);
    if (node)
        return node;
    struct mix m = {.mine = mine};
    m.seen = frames_walk(mine, state, own, &m.place, &m.cut);
    node = mix_stacks(&m, key);
    remember(&m);
    return node;
}

void hybrid_forked(void)
{
    atomic_store(&locked, 0);
    table_clear(&hybrids);
}
