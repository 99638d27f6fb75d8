/* The trie of stacks: whatever stacks any number of threads add, each stack's node leads back to its frames.
 */
#define _GNU_SOURCE
#include "children.h"
#include "stacks.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
/* after the headers that it needs */
#include <cmocka.h>

/* ---- stubs for the library, without an arena ---------------------------------------------------------- */

#ifdef __SANITIZE_ADDRESS__
/* The trie is never freed, by design. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

static struct wire_process slot;
struct wire_process *process = &slot;
_Atomic bool guest_confined;
static size_t segments_left = SIZE_MAX;
static uint64_t *last_segment;

void *arena_segment(_Atomic uint64_t *place, void *_Atomic *window, size_t size)
{
    static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
    (void)place;
    pthread_mutex_lock(&lock);
    if (!*window && segments_left > 0) {
        segments_left--;
        *window = last_segment = calloc(1, size);
    }
    pthread_mutex_unlock(&lock);
    return *window;
}

static unsigned closed;

void arena_close(void *window, size_t size)
{
    (void)size;
    assert_non_null(window);
    closed++;
    free(window);
}

static uint64_t *last_table; /* of children */
static size_t last_table_bytes;

void *guest_table(size_t size)
{
    void *pages = aligned_alloc(4096, size);
    last_table = pages;
    last_table_bytes = size;
    return pages ? memset(pages, 0, size) : NULL;
}

void guest_populate(void *pages, size_t size)
{
    (void)pages;
    (void)size;
}

/* Like the kernel: a late reader finds the old word, or zero. */
void guest_release(void *pages, size_t size)
{
    _Atomic uint64_t *words = pages;
    for (size_t i = 0; i < size / sizeof *words; i++)
        atomic_store_explicit(&words[i], 0, memory_order_relaxed);
}

static int anew(void **state)
{
    (void)state;
    stacks_forget(true);
    memset(&slot, 0, sizeof slot);
    segments_left = SIZE_MAX;
    return 0;
}

/* ---- stacks --------------------------------------------------------------------------------------- */

#define DEPTH 40

struct stack {
    uint32_t depth, frame[DEPTH]; /* the outermost first */
};

/* One of 4^n stacks of a depth: at each level there are a few frames to choose from, as in a program. */
static struct stack random_stack(uint64_t *seed)
{
    struct stack s = {.depth = 0};
    do {
        *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
        uint32_t choice = *seed >> 60 ? 0 : (uint32_t)(*seed >> 40) % 3;
        s.frame[s.depth] = s.depth * 4 + 1 + choice;
    } while (++s.depth < DEPTH && (*seed >> 33) % 64);
    return s;
}

static uint32_t node_of(const struct stack *s)
{
    struct stacks_way way = {.node = WIRE_NODE_ROOT, .left = s->depth};
    for (uint32_t i = 0; i < s->depth; i++)
        stacks_step(&way, s->frame[i]);
    return way.node;
}

static void check(const struct stack *s, uint32_t node)
{
    for (uint32_t i = s->depth; i-- > 0;) {
        uint64_t key = stacks_node(node);
        assert_int_equal((uint32_t)key, s->frame[i]);
        node = (uint32_t)(key >> 32);
    }
    assert_int_equal(node, WIRE_NODE_ROOT);
}

static uint64_t nodes_made(void)
{
    uint64_t made = 0;
    for (uint64_t node = 1; node <= slot.nodes; node++)
        made += stacks_node((uint32_t)node) != 0;
    return made;
}

static void test_first_in_a_row(void **state)
{
    (void)state;
    struct stack s = {4, {7, 8, 9, 10}}, longer = {6, {7, 8, 9, 10, 11, 12}}, other = {4, {7, 8, 5, 6}};
    assert_int_equal(node_of(&s), 4);
    assert_int_equal(node_of(&s), 4);
    assert_int_equal(node_of(&longer), 6);
    assert_int_equal(node_of(&other), 8);
    assert_int_equal(stacks_node(7), 2ull << 32 | 5);
    assert_int_equal(node_of(&longer), 6);
    assert_int_equal(node_of(&other), 8);
    assert_int_equal(slot.nodes, 8);
}

#define STACKS 300000

static void test_same_stack_same_node(void **state)
{
    (void)state;
    uint32_t *nodes = calloc(STACKS, sizeof *nodes);
    uint64_t seed = 1;
    for (int i = 0; i < STACKS; i++) {
        struct stack s = random_stack(&seed);
        nodes[i] = node_of(&s);
        check(&s, nodes[i]);
    }
    uint64_t made = slot.nodes, second = 1;
    assert_int_equal(made, nodes_made());
    for (int i = 0; i < STACKS; i++) {
        struct stack s = random_stack(&second);
        assert_int_equal(node_of(&s), nodes[i]);
    }
    assert_int_equal(slot.nodes, made);
    assert_int_equal(slot.stacks_lost, 0);
    assert_in_range(last_table_bytes, 1, 1 << 20); /* it grows when three quarters of it are in use */
    free(nodes);
}

static void test_outermost_unknown(void **state)
{
    (void)state;
    struct stacks_way way = {.node = WIRE_NODE_ROOT, .left = 2};
    assert_int_equal(stacks_step(&way, 0), WIRE_NODE_ROOT);
    assert_int_equal(stacks_step(&way, 5), 1);
    assert_int_equal(stacks_node(1), 5);
    struct stacks_way cut = {.node = WIRE_NODE_CUT, .left = 1};
    uint32_t node = stacks_step(&cut, 5);
    assert_int_equal(stacks_node(node), (uint64_t)WIRE_NODE_CUT << 32 | 5);
    cut = (struct stacks_way){.node = WIRE_NODE_CUT, .left = 1};
    assert_int_equal(stacks_step(&cut, 5), node);
}

static void test_no_room_is_counted(void **state)
{
    (void)state;
    segments_left = 1;
    for (uint32_t i = 1; i <= WIRE_NODES_FIRST; i++)
        assert_int_equal(stacks_child(WIRE_NODE_ROOT, i), i);
    assert_int_equal(slot.stacks_lost, 0);
    assert_int_equal(stacks_child(WIRE_NODE_ROOT, WIRE_NODES_FIRST + 1), 0);
    assert_int_equal(slot.stacks_lost, 1);
    atomic_store(&slot.nodes, WIRE_NODE_BASE(WIRE_NODE_SEGMENTS) - 2);
    segments_left = SIZE_MAX;
    assert_int_equal(stacks_child(WIRE_NODE_ROOT, 1u << 30), WIRE_NODE_BASE(WIRE_NODE_SEGMENTS) - 1);
    assert_int_equal(stacks_child(WIRE_NODE_ROOT, 1u << 29), 0);
    for (uint32_t i = 1; i <= WIRE_NODES_FIRST; i++)
        assert_int_equal(stacks_child(WIRE_NODE_ROOT, i), i);
    assert_int_equal(slot.stacks_lost, 2);
}

static int by_value(const void *a, const void *b)
{
    uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;
    return (x > y) - (x < y);
}

/* Counts nodes that equal another one. */
static uint64_t twice(void)
{
    uint64_t count = slot.nodes, *keys = calloc(count, sizeof *keys), same = 0;
    for (uint64_t i = 0; i < count; i++)
        keys[i] = stacks_node((uint32_t)i + 1);
    qsort(keys, count, sizeof *keys, by_value);
    for (uint64_t i = 1; i < count; i++)
        same += keys[i] && keys[i] == keys[i - 1];
    free(keys);
    return same;
}

/* Memory of frames and nodes is unmapped unless it is another process's as well, or was moved: then it is only forgotten. */
static void test_forgetting(void **state)
{
    (void)state;
    for (int close = 0; close < 2; close++) {
        for (uint32_t i = 1; i <= WIRE_NODES_FIRST + 1; i++)
            stacks_child(WIRE_NODE_ROOT, i);
        uint64_t *nodes = last_segment;
        assert_int_equal(stacks_frame(WIRE_FRAME_NATIVE, 0x1000, 0), 1);
        uint64_t *frames = last_segment;
        assert_ptr_not_equal(nodes, frames);
        closed = 0;
        stacks_forget(close);
        for (size_t i = 0; i < last_table_bytes / sizeof *last_table; i++)
            assert_int_equal(last_table[i], 0);
        assert_int_equal(closed, close ? 3 : 0);
        memset(&slot, 0, sizeof slot);
        assert_int_equal(stacks_child(WIRE_NODE_ROOT, 7), 1);
        assert_ptr_not_equal(last_segment, nodes);
        stacks_forget(true);
        memset(&slot, 0, sizeof slot);
        if (!close) {
            free(nodes);
            free(frames);
        }
    }
}

/* Another thread has taken the place behind this node, and writes it while it is waited for. */
#define TRAP_FLAG 0x100 /* the processor's: traps after each instruction */
static unsigned pauses;

static void at_step(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    greg_t *registers = ((ucontext_t *)context)->uc_mcontext.gregs;
    if (memcmp((const void *)(uintptr_t)registers[REG_RIP], "\xf3\x90", 2) != 0) /* pause */
        return;
    pauses++;
    registers[REG_EFL] &= ~TRAP_FLAG;
    last_segment[1] = 1ull << 32 | 8;
}

static void test_another_makes_it(void **state)
{
    (void)state;
    struct sigaction action = {.sa_sigaction = at_step, .sa_flags = SA_SIGINFO}, before;
    struct stacks_way way = {.node = WIRE_NODE_ROOT, .left = 2};
    assert_int_equal(stacks_child(WIRE_NODE_ROOT, 7), 1);
    way.node = 1;
    slot.nodes = 2;
    sigaction(SIGTRAP, &action, &before);
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | TRAP_FLAG);
    uint32_t node = stacks_step(&way, 8);
    __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~(uint64_t)TRAP_FLAG);
    sigaction(SIGTRAP, &before, NULL);
    assert_int_equal(pauses, 1);
    assert_int_equal(node, 2);
    assert_int_equal(slot.nodes, 2);
    assert_int_equal(stacks_child(1, 9), 3); /* which nobody makes is not waited for long */
}

#define THREADS 4

static void *walk_many(void *seed_of_thread)
{
    uint64_t seed = *(uint64_t *)seed_of_thread, wrong = 0;
    for (int i = 0; i < STACKS / 4; i++) {
        struct stack s = random_stack(&seed);
        uint32_t node = node_of(&s);
        for (uint32_t f = s.depth; f-- > 0; node = (uint32_t)(stacks_node(node) >> 32))
            wrong += (uint32_t)stacks_node(node) != s.frame[f];
        wrong += node != WIRE_NODE_ROOT;
    }
    return (void *)(uintptr_t)wrong;
}

static void test_threads(void **state)
{
    (void)state;
    pthread_t thread[THREADS];
    uint64_t seed[THREADS] = {3, 3, 3, 4};
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, walk_many, &seed[i]), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        pthread_join(thread[i], &wrong);
        assert_null(wrong);
    }
    assert_int_equal(slot.stacks_lost, 0);
    /* How many are duplicates depends on when the threads were interrupted, so it is only printed. Each
     * leads to the same frames. */
    uint64_t seeds[] = {3, 4}, made = slot.nodes;
    assert_null(walk_many(&seeds[0]));
    assert_null(walk_many(&seeds[1]));
    print_message("%lu nodes made again, %lu of %lu nodes twice\n", slot.nodes - made, twice(), made);
    /* Without other threads, no more nodes are made. */
    made = slot.nodes;
    seeds[0] = 3;
    seeds[1] = 4;
    assert_null(walk_many(&seeds[0]));
    assert_null(walk_many(&seeds[1]));
    assert_int_equal(slot.nodes, made);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_first_in_a_row, anew),
        cmocka_unit_test_setup(test_same_stack_same_node, anew),
        cmocka_unit_test_setup(test_outermost_unknown, anew),
        cmocka_unit_test_setup(test_no_room_is_counted, anew),
        cmocka_unit_test_setup(test_forgetting, anew),
        cmocka_unit_test_setup(test_another_makes_it, anew),
        cmocka_unit_test_setup(test_threads, anew),
    };
    return cmocka_run_group_tests_name("stacks", tests, NULL, NULL);
}
