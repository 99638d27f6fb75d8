/* micro.c - nanoseconds that a malloc/free pair costs more when traced, and what they go into.
 *
 *   micro [PAIRS]
 *
 * The recorder is linked into this program, so that its parts can be timed on their own as well, in the
 * process and on the stacks that the whole is timed on. For stacks of 4, 16 and 64 frames, of which none, an
 * eighth, or all but the outermost change from one pair to the next, prints a line
 *
 *   depth N changed N plain NS pair NS stack NS id NS ring NS
 *
 * plain: the C library's malloc and free, untraced. pair: what the hooks add to that. stack: of those, the
 * stack's number; id: of those, the look-up of what was read of the stack. ring: of the pair, writing
 * both events while the collector drains them. What pair has beyond stack and ring is the way in and out of
 * the hooks.
 */
#define _GNU_SOURCE
#include "record.h"
#include "real.h"
#include "stack_cache.h"
#include "stacks.h"
#include "bench.h" /* last: its NOINLINE is to count */

#include <string.h>

enum part { NOTHING, PLAIN, TRACED, STACK, ID, RING, PARTS, REMEMBER = PARTS };

#define PATHS 64
#define REPEATS 5
#define FRAMES_ABOVE_MAIN 4 /* main, and what the C library calls it through */

static long pairs;
static enum part part;
static uint32_t node;                      /* of the stack that was walked last */
static struct stack_cache_key keys[PATHS]; /* of the stacks, as they are remembered */
static char block[64];                     /* an address for events of no real block */

/* As a hook of interpose.c is: it keeps its frame pointer, and the stack starts at its caller. */
static NOINLINE void hook_stack(void)
{
    const void *frame = __builtin_frame_address(0);
    struct thread *t = thread_enter(frame);
    if (!t)
        return;
    node = unwind_stack(&t->unwind, frame);
    thread_leave(t);
}

/* What the stack is remembered by, for hook_id(). */
static NOINLINE void hook_remember(unsigned path)
{
    const void *frame = __builtin_frame_address(0);
    struct thread *t = thread_enter(frame);
    if (!t)
        return;
    node = unwind_stack(&t->unwind, frame);
    struct predictor *predictor = t->unwind.predictor;
    const struct layout *layout = predict_layout(predictor, predictor->after[predictor->prediction].first);
    if (layout->words)
        keys[path] = layout_hash(layout, frame);
    thread_leave(t);
}

/* The number of the whole stack, as after reading it. */
static NOINLINE void hook_id(unsigned path)
{
    struct thread *t = thread_enter(__builtin_frame_address(0));
    if (!t)
        return;
    node = stack_cache_find_now(&stack_cache_by_words, keys[path]);
    thread_leave(t);
}

static NOINLINE void hook_ring(void)
{
    struct thread *t = thread_enter(__builtin_frame_address(0));
    if (!t)
        return;
    ring_put_block(t, WIRE_ALLOC, block, 32, node);
    ring_put(t, WIRE_FREE, block);
    thread_leave(t);
}

static inline __attribute__((always_inline)) void do_part(unsigned path)
{
    void *made;
    switch (part) {
    case PLAIN:
        made = real.malloc(32);
        __asm__ volatile("" : "+r"(made)::"memory");
        real.free(made);
        break;
    case TRACED:
        made = malloc(32);
        __asm__ volatile("" : "+r"(made)::"memory");
        free(made);
        break;
    case STACK:
        hook_stack();
        break;
    case ID:
        hook_id(path);
        break;
    case REMEMBER:
        hook_remember(path);
        break;
    case RING:
        hook_ring();
        break;
    default:
        break;
    }
    KEEP_FRAME();
}

/* The frames that change: at every level one of two calls. */
static NOINLINE void step(unsigned path, unsigned bits, unsigned levels)
{
    if (levels == 0) {
        do_part(path);
    } else if (bits & 1) {
        step(path, bits >> 1, levels - 1);
        __asm__ volatile("# one" ::: "memory");
    } else {
        step(path, bits >> 1, levels - 1);
        __asm__ volatile("# other" ::: "memory");
    }
    KEEP_FRAME();
}

/* The outermost changing frame must not repeat itself: neighbouring paths differ in their lowest bit. */
static inline unsigned bits_of(unsigned path)
{
    return path * 0x9e3779b1u >> 6 << 1 | (path & 1);
}

static unsigned depth_of(uint32_t at)
{
    unsigned depth = 0;
    for (; at != WIRE_NODE_ROOT && at != WIRE_NODE_CUT; depth++)
        at = (uint32_t)(stacks_node(at) >> 32);
    return depth;
}

/* Of this thread's processor: other programs may run as well. */
static uint64_t cpu_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Nanoseconds a turn of what "part" says, at best. changing < 0: from the caller's own frame. */
static inline __attribute__((always_inline)) double turns(int changing)
{
    double best = 1e9;
    for (int repeat = 0; repeat < REPEATS; repeat++) {
        uint64_t random = 1, start = cpu_ns();
        for (long i = 0; i < pairs; i++) {
            /* At random: processors learn an order that repeats itself. */
            unsigned path = (unsigned)(bench_random(&random) >> 32) % PATHS;
            if (changing < 0)
                do_part(path);
            else
                step(path, bits_of(path), (unsigned)changing);
        }
        double took = (double)(cpu_ns() - start) / (double)pairs;
        best = took < best ? took : best;
    }
    return best;
}

static inline __attribute__((always_inline)) void measure(int changing)
{
    double ns[PARTS];
    part = REMEMBER;
    for (unsigned i = 0; i < 3 * PATHS; i++) {
        unsigned path = i % PATHS;
        if (changing < 0)
            do_part(path);
        else
            step(path, bits_of(path), (unsigned)changing);
    }
    unsigned depth = depth_of(node), changed = changing > 0 ? (unsigned)changing : 0;
    for (unsigned i = 0; i < PARTS; i++) {
        part = (enum part)i;
        ns[i] = turns(changing);
    }
    printf("depth %u changed %u plain %.1f pair %.1f stack %.1f id %.1f ring %.1f\n", depth, changed,
           ns[PLAIN] - ns[NOTHING], ns[TRACED] - ns[PLAIN], ns[STACK] - ns[NOTHING], ns[ID] - ns[NOTHING],
           ns[RING] - ns[NOTHING]);
    fflush(stdout);
}

/* The frames that stay. */
static NOINLINE void outer(unsigned levels, int changing)
{
    if (levels)
        outer(levels - 1, changing);
    else
        measure(changing);
    KEEP_FRAME();
}

int main(int argc, char **argv)
{
    pairs = bench_argument(argc, argv, 1, 50000);
    static char buffer[4096];
    setvbuf(stdout, buffer, _IOFBF, sizeof buffer);
    measure(-1);
    static const unsigned depths[] = {16, 64};
    for (unsigned i = 0; i < 2; i++) {
        unsigned most = depths[i] - FRAMES_ABOVE_MAIN - 2;
        const unsigned changes[] = {0, depths[i] / 8, most};
        for (unsigned j = 0; j < 3; j++)
            outer(most - changes[j], (int)changes[j]);
    }
    return 0;
}
