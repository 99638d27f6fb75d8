/* stacks.c - see stacks.h. */
#include "stacks.h"
#include "children.h"
#include "guest_assert.h"
#include "processor.h"

/* This process's mappings of its slot's segments. */
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
    children_forget();
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
    guest_assert(frame->kind == 0); /* nobody has this number yet */
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
    return nodes ? __atomic_load_n(&nodes[node - WIRE_NODE_BASE(k)], __ATOMIC_RELAXED) : 0;
}

/* Where a node is, or will be; NULL if its memory is not mapped yet. */
static inline uint64_t *place_of(uint32_t node)
{
    unsigned k = wire_node_segment(node);
    uint64_t *nodes = nodes_of(k);
    return LIKELY(nodes) ? &nodes[node - WIRE_NODE_BASE(k)] : NULL;
}

static inline bool is_node(uint32_t node, uint64_t key)
{
    const uint64_t *place = place_of(node);
    return place && __atomic_load_n(place, __ATOMIC_RELAXED) == key;
}

#define PATIENCE 64 /* pauses, enough for making a few nodes without an interruption */

static NOINLINE uint32_t stack_lost(struct stacks_way *way)
{
    atomic_fetch_add(&process->stacks_lost, 1);
    way->lost = true;
    return WIRE_NODE_ROOT;
}

/* Reserves numbers for all frames that are left, in a row, so that each node but the first follows its
 * parent. */
static inline void reserve(struct stacks_way *way)
{
    uint64_t first = 1 + atomic_fetch_add(&process->nodes, way->left);
    bool fit = first + way->left <= WIRE_NODE_BASE(WIRE_NODE_SEGMENTS);
    way->next = fit ? (uint32_t)first : WIRE_NODE_ROOT;
}

/* Not marked cold: a program whose stacks seldom repeat creates most of its nodes here. */
static __attribute__((noinline)) uint32_t make(struct stacks_way *way, uint64_t key)
{
    if (!way->next)
        reserve(way);
    uint32_t node = way->next;
    uint64_t *place = node ? place_of(node) : NULL;
    if (UNLIKELY(!place)) {
        unsigned k = wire_node_segment(node);
        if (!node || !new_nodes(k))
            return stack_lost(way);
        place = place_of(node);
    }
    if (UNLIKELY((node - 1) % WIRE_NODES_FIRST == 0 && node > WIRE_NODES_FIRST))
        guest_populate(place, node_bytes(0));   /* not for the first ones: most programs have few stacks */
    guest_assert(*place == 0 && way->left > 0); /* the number is reserved, and one of those asked for */
    way->next++;
    __atomic_store_n(place, key, __ATOMIC_RELEASE);
    if (node == (uint32_t)(key >> 32) + 1)
        return node;
    uint32_t child = children_add(key, node);
    if (UNLIKELY(child != node))
        way->next = 0; /* another thread was first, and its node may have children */
    return child;
}

/* Waits briefly: the thread that made this node may be about to make the one after it. */
static NOINLINE bool is_made_soon(uint32_t node, uint64_t key)
{
    for (unsigned i = 0; i < PATIENCE && is_node(node, 0); i++)
        processor_pause();
    return is_node(node, key);
}

uint32_t stacks_step(struct stacks_way *way, uint32_t frame)
{
    uint64_t key = (uint64_t)way->node << 32 | frame;
    uint32_t node = way->node + 1;
    if (UNLIKELY(!key || way->lost)) { /* outermost frame unknown: a key of 0 would be an empty place */
        node = WIRE_NODE_ROOT;
    } else if (way->next) { /* below a node that was just made: it has no children yet */
        node = make(way, key);
    } else if (!is_node(node, key)) {
        bool soon =
            is_node(node, 0) && node <= atomic_load_explicit(&process->nodes, memory_order_relaxed) && node;
        uint32_t child = children_find(key);
        if (!child && UNLIKELY(soon) && is_made_soon(node, key))
            child = node;
        node = child ? child : make(way, key);
    }
    guest_assert(way->left > 0);
    way->left--;
    return way->node = node;
}
