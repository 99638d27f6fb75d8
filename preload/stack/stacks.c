/* stacks.c - see stacks.h. */
#include "stacks.h"

/* This process's windows on the segments of its slot. */
static void *_Atomic frame_windows[WIRE_FRAME_SEGMENTS], *_Atomic node_windows[WIRE_NODE_SEGMENTS];

static size_t frame_bytes(unsigned k)
{
    return (sizeof(struct wire_frame) * WIRE_FRAMES_FIRST) << k;
}

static size_t node_bytes(unsigned k)
{
    return (sizeof(uint64_t) * WIRE_NODES_FIRST) << k;
}

static struct wire_frame *frames_of(unsigned k)
{
    return k < WIRE_FRAME_SEGMENTS ? atomic_load_explicit(&frame_windows[k], memory_order_acquire) : NULL;
}

static inline uint64_t *nodes_of(unsigned k)
{
    return k < WIRE_NODE_SEGMENTS ? atomic_load_explicit(&node_windows[k], memory_order_acquire) : NULL;
}

static NOINLINE void *new_frames(unsigned k)
{
    return arena_segment(&process->frame_segment[k], &frame_windows[k], frame_bytes(k));
}

static NOINLINE void *new_nodes(unsigned k)
{
    return arena_segment(&process->node_segment[k], &node_windows[k], node_bytes(k));
}

void stacks_forget(bool close)
{
    for (unsigned k = 0; k < WIRE_FRAME_SEGMENTS; k++) {
        void *frames = atomic_exchange(&frame_windows[k], NULL);
        if (frames && close)
            arena_close(frames, frame_bytes(k));
    }
    for (unsigned k = 0; k < WIRE_NODE_SEGMENTS; k++) {
        void *nodes = atomic_exchange(&node_windows[k], NULL);
        if (nodes && close)
            arena_close(nodes, node_bytes(k));
    }
}

/* Frame numbers are 1 + index; segment k holds indices from FIRST * (2^k - 1). */
static unsigned frame_segment(uint32_t index, uint32_t *within)
{
    unsigned k = 31 - (unsigned)__builtin_clz(index / WIRE_FRAMES_FIRST + 1);
    *within = index - WIRE_FRAMES_FIRST * ((1u << k) - 1);
    return k;
}

static NOINLINE uint32_t frame_lost(void)
{
    atomic_fetch_add(&process->stacks_lost, 1);
    return 0;
}

uint32_t stacks_frame(enum wire_frame_kind kind, uint64_t value, uint32_t owner)
{
    uint32_t index = atomic_fetch_add(&process->frames, 1), within;
    unsigned k = frame_segment(index, &within);
    if (k >= WIRE_FRAME_SEGMENTS)
        return frame_lost();
    struct wire_frame *frame = frames_of(k);
    if (!frame && !(frame = new_frames(k)))
        return frame_lost();
    frame += within;
    frame->value = value;
    frame->owner = owner;
    atomic_store_explicit(&frame->kind, kind, memory_order_release);
    return index + 1;
}

uint64_t stacks_frame_value(uint32_t frame)
{
    uint32_t within;
    unsigned k = frame_segment(frame - 1, &within);
    const struct wire_frame *frames = frames_of(k);
    return frame && frames ? frames[within].value : 0;
}

uint64_t stacks_node(uint32_t node)
{
    unsigned k = wire_node_segment(node);
    const uint64_t *nodes = node ? nodes_of(k) : NULL;
    return nodes ? nodes[node - WIRE_NODE_BASE(k)] : 0;
}

/* The place of a key in its line of a segment, 1 to STACKS_LINE; 0: not there. Without branches, as the place
 * cannot be foreseen. */
static inline unsigned find_in_line(const uint64_t *line, uint64_t key)
{
    unsigned place = 0;
#pragma GCC unroll 8
    for (unsigned i = 0; i < STACKS_LINE; i++)
        place |= __atomic_load_n(&line[i], __ATOMIC_RELAXED) == key ? i + 1 : 0;
    return place;
}

static inline uint64_t *line_of(uint64_t *nodes, unsigned k, uint64_t hash)
{
    uint64_t lines = (uint64_t)(WIRE_NODES_FIRST / STACKS_LINE) << k;
    return nodes + (hash & (lines - 1)) * STACKS_LINE;
}

/* Puts the key into a free place of the line, if there is one; its place. */
static NOINLINE unsigned put_in_line(uint64_t *line, uint64_t key)
{
    for (unsigned i = 0; i < STACKS_LINE; i++) {
        uint64_t found = __atomic_load_n(&line[i], __ATOMIC_RELAXED);
        /* Places are filled in order, so that a free one means: nowhere further on. */
        if (found == 0 &&
            __atomic_compare_exchange_n(&line[i], &found, key, 0, __ATOMIC_RELEASE, __ATOMIC_RELAXED))
            return i + 1;
        if (found == key)
            return i + 1;
    }
    return 0;
}

/* The first segment that nodes are still added to. */
static inline unsigned first_open(void)
{
    unsigned k = 0;
    while (nodes_of(k + 2))
        k++;
    return k;
}

/* Fetches the key's lines in segments from k on, all at once: most are in no cache. Returns how many there
 * are. */
static inline unsigned fetch_lines(unsigned k, uint64_t hash)
{
    for (; k < WIRE_NODE_SEGMENTS; k++) {
        uint64_t *nodes = nodes_of(k);
        if (!nodes)
            break;
        __builtin_prefetch(line_of(nodes, k, hash));
    }
    return k;
}

/* Another thread may be adding the same key to a segment that was open when it looked: then there are two
 * nodes for one stack, which is one more row for the reader to add up. */
uint32_t stacks_step(struct stacks_way *way, uint32_t frame)
{
    uint64_t key = (uint64_t)way->node << 32 | frame, hash = stacks_hash(key);
    bool is_new = way->made;
    *way = (struct stacks_way){WIRE_NODE_ROOT, false};
    if (UNLIKELY(!key)) /* an outermost frame that is not known: 0 would be an empty place */
        return WIRE_NODE_ROOT;
    unsigned first = is_new ? first_open() : 0, segments = fetch_lines(first, hash);
    unsigned open = segments < 2 ? 0 : segments - 2;
    for (unsigned k = first; k < WIRE_NODE_SEGMENTS; k++) {
        uint64_t *nodes = nodes_of(k);
        if (UNLIKELY(!nodes) && !(nodes = new_nodes(k)))
            break;
        uint64_t *line = line_of(nodes, k, hash);
        unsigned place = find_in_line(line, key);
        if (!place && k >= open && __atomic_load_n(&line[STACKS_LINE - 1], __ATOMIC_RELAXED) == 0) {
            place = put_in_line(line, key);
            way->made = place != 0;
        }
        if (place)
            return way->node = WIRE_NODE_BASE(k) + (uint32_t)(line + place - 1 - nodes);
    }
    atomic_fetch_add(&process->stacks_lost, 1);
    return 0;
}
