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
 * Each of the two stacks may be cut at LIBTRACE_DEPTH frames; where the first of them ends, the hybrid is
 * cut.
 */
#include "hybrid.h"
#include "eval.h"
#include "table.h"
#include "../stack/stacks.h"

/* native node and Python node -> hybrid node. Of one thread at a time: it is only put under the lock. */
static struct table hybrids = {.bits = 14};
static _Atomic int locked;

/* The place that is left after the group of Python frames that starts at seen[place] and goes outwards; their
 * numbers go to mixed. */
static uint32_t take_group(struct python_thread *mine, uint32_t place, uint32_t *count)
{
    const struct python_layout *l = &python.layout;
    while (place > 0) {
        const struct python_seen *seen = &mine->seen[place--];
        if (frames_owner(l, seen->frame) >= PYTHON_OWNER_SHIM)
            break;
        if (seen->node != mine->seen[place].node)
            mine->mixed[(*count)++] = (uint32_t)stacks_node(seen->node);
        if (l->frame_owner == PYTHON_NO_OFFSET)
            break;
        if (l->frame_is_entry != PYTHON_NO_OFFSET &&
            *(const unsigned char *)(seen->frame + l->frame_is_entry))
            break;
    }
    return place;
}

/* place: how many of seen are the Python stack; cut: outer ones are missing. */
static uint32_t mix_stacks(struct python_thread *mine, uint32_t place, bool cut, uint32_t native)
{
    uint32_t count = 0, natives = 0;
    while (native != WIRE_NODE_ROOT && native != WIRE_NODE_CUT && natives++ < PYTHON_NATIVES) {
        uint64_t key = stacks_node(native);
        if (eval_holds((uintptr_t)stacks_frame_value((uint32_t)key) - 1))
            place = take_group(mine, place, &count);
        else
            mine->mixed[count++] = (uint32_t)key;
        native = cut && !place ? WIRE_NODE_CUT : (uint32_t)(key >> 32);
    }
    /* Python frames whose C frame was not recognised: better in one place than lost. */
    while (place > 0 && native == WIRE_NODE_ROOT)
        place = take_group(mine, place, &count);
    if (cut)
        native = WIRE_NODE_CUT;
    uint32_t node = native;
    while (count-- > 0)
        node = stacks_child(node, mine->mixed[count]);
    return node;
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
    bool cut;
    uint32_t length = frames_walk(mine, state, &cut);
    node = mix_stacks(mine, length, cut, native);
    if (!atomic_exchange(&locked, 1)) {
        table_put(&hybrids, key, node);
        atomic_store(&locked, 0);
    }
    return node;
}

void hybrid_forked(void)
{
    atomic_store(&locked, 0);
    table_clear(&hybrids);
}
