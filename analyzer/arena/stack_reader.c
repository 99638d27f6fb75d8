/* stack_reader.c - see arena_reader.h. */
#include "arena_reader.h"

uint32_t arena_frames(const struct arena_slot *slot)
{
    uint32_t given = atomic_load(&slot->arena->wire->process[slot->number].frames);
    return given < ARENA_FRAMES_MAX ? given : ARENA_FRAMES_MAX;
}

struct arena_frame arena_frame(struct arena_slot *slot, uint32_t number)
{
    struct arena_frame copy = {.kind = WIRE_FRAME_EMPTY};
    if (number == 0 || number > ARENA_FRAMES_MAX)
        return copy;
    uint32_t index = number - 1;
    unsigned k = 31 - (unsigned)__builtin_clz(index / WIRE_FRAMES_FIRST + 1);
    const struct wire_frame *frame = arena_segment(slot, ARENA_FRAMES, k);
    if (!frame)
        return copy;
    frame += index - WIRE_FRAMES_FIRST * ((1u << k) - 1);
    uint32_t kind = atomic_load_explicit(&frame->kind, memory_order_acquire);
    if (kind == WIRE_FRAME_NATIVE || kind == WIRE_FRAME_PYTHON || kind == WIRE_FRAME_TYPE ||
        kind == WIRE_FRAME_CALL)
        copy = (struct arena_frame){.kind = kind, .owner = frame->owner, .value = frame->value};
    else if (kind != WIRE_FRAME_EMPTY)
        arena_damage(slot);
    return copy;
}

uint64_t arena_node(struct arena_slot *slot, uint32_t node)
{
    if (node == WIRE_NODE_ROOT)
        return 0;
    unsigned k = wire_node_segment(node);
    const uint64_t *nodes = k < WIRE_NODE_SEGMENTS ? arena_segment(slot, ARENA_NODES, k) : NULL;
    return nodes ? __atomic_load_n(&nodes[node - WIRE_NODE_BASE(k)], __ATOMIC_RELAXED) : 0;
}
