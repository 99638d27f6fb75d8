/* test_frames.c - Python stacks, read from frames that the test lays out itself.
 *
 * The test calls, returns and steps at random, with shims in between, at depths around and far beyond
 * LIBTRACE_DEPTH. Each node must be the stack that a plain walk finds: complete up to LIBTRACE_DEPTH frames,
 * cut beyond. Frames further out must not even be read, so that events in deep stacks cost no more: they are
 * on unreadable pages.
 */
#define _GNU_SOURCE
#include "codes.h"
#include "frames.h"
#include "stacks.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- stubs for what frames.c needs ----------------------------------------------------------------- */

struct wire_arena *arena;
struct settings settings;
struct python_interpreter python;
_Atomic uint64_t codes_generation = CODES_GENERATION;

void *guest_pages(size_t size)
{
    return calloc(1, size);
}

uint32_t codes_frame(uintptr_t code, uint64_t raw)
{
    return (uint32_t)(code * 31 + raw) | 1;
}

/* The trie: node n is entry n - 1, found by a hash of open addressing. */
#define NODES (1u << 22)
static uint64_t *trie;
static uint32_t *slots, nodes;

uint32_t stacks_step(struct stacks_way *way, uint32_t frame)
{
    uint64_t key = (uint64_t)way->node << 32 | frame;
    for (uint64_t at = key * 0x9e3779b97f4a7c15ull >> 32;; at++) {
        uint32_t *slot = &slots[at % (2 * NODES)];
        if (!*slot) {
            assert_true(nodes < NODES);
            trie[nodes] = key;
            *slot = ++nodes;
        }
        if (trie[*slot - 1] == key)
            return way->node = *slot;
    }
}

/* ---- a program that calls and returns ------------------------------------------------------------- */

struct frame {
    uint64_t code;
    uint64_t previous;
    uint64_t pointer;     /* current instruction, in layouts with a pointer */
    uint32_t instruction; /* the same, in layouts with an index */
    unsigned char owner;
    char rest[91]; /* 128 bytes, so that no frame lies on two pages */
};

#define MOST 12000
static struct frame *frames; /* the outermost first */
static uint32_t depth;
static struct {
    struct frame *top;
} state;
static char codes[17][256] __attribute__((aligned(16))); /* the last: the shims' own */

static void layout(bool pointer)
{
    python.layout = (struct python_layout){
        .thread_frame = 0,
        .cframe_frame = PYTHON_NO_OFFSET,
        .frame_previous = offsetof(struct frame, previous),
        .frame_code = offsetof(struct frame, code),
        .frame_instruction = pointer ? offsetof(struct frame, pointer) : offsetof(struct frame, instruction),
        .frame_owner = pointer ? offsetof(struct frame, owner) : PYTHON_NO_OFFSET,
        .code_bytecode = 16,
        .code_first_traceable = 0,
        .instruction = pointer ? PYTHON_POINTER : PYTHON_UNITS,
    };
}

static void step(struct frame *frame)
{
    frame->instruction = (uint32_t)(rand() % 4);
    frame->pointer = frame->code + 16 + 2 * frame->instruction;
}

static void call(bool shim)
{
    struct frame *frame = &frames[depth];
    frame->code = (uint64_t)(uintptr_t)codes[shim ? 16 : rand() % 16];
    frame->previous = depth ? (uint64_t)(uintptr_t)&frames[depth - 1] : 0;
    frame->owner = shim ? PYTHON_OWNER_SHIM : PYTHON_OWNER_THREAD;
    step(frame);
    state.top = frame;
    depth++;
}

static void leave(void)
{
    depth--;
    state.top = depth ? &frames[depth - 1] : NULL;
}

static uint32_t number_of(const struct frame *frame)
{
    const struct python_layout *l = &python.layout;
    return codes_frame(frames_code(l, (uintptr_t)frame), frames_instruction(l, (uintptr_t)frame));
}

/* The node must be the stack; for one deeper than LIBTRACE_DEPTH, most of its inner frames. */
static void check(uint32_t node)
{
    uint32_t kept = 0, at = depth;
    bool shims = python.layout.frame_owner != PYTHON_NO_OFFSET;
    for (; node != WIRE_NODE_ROOT && node != WIRE_NODE_CUT; node = (uint32_t)(trie[node - 1] >> 32)) {
        while (at > 0 && shims && frames[at - 1].owner == PYTHON_OWNER_SHIM)
            at--;
        assert_true(at > 0);
        assert_int_equal((uint32_t)trie[node - 1], number_of(&frames[--at]));
        kept++;
    }
    uint32_t outside = 0;
    for (; at > 0 && outside + kept <= settings.depth; at--)
        outside += !shims || frames[at - 1].owner != PYTHON_OWNER_SHIM;
    assert_int_equal(node, outside ? WIRE_NODE_CUT : WIRE_NODE_ROOT);
    assert_true(kept <= settings.depth);
    if (outside) {
        assert_true(outside + kept > settings.depth);
        assert_true(kept > 0 && kept >= settings.depth * 2 / 3);
    }
}

static int set_up(void **unused)
{
    (void)unused;
    trie = calloc(NODES, sizeof *trie);
    slots = calloc(2 * NODES, sizeof *slots);
    frames = mmap(NULL, MOST * sizeof *frames, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return !trie || !slots || frames == MAP_FAILED;
}

static struct python_thread *begin(struct thread *t, uint32_t limit, bool pointer)
{
    static struct wire_arena nothing;
    arena = &nothing;
    memset(t, 0, sizeof *t);
    t->ring = arena->ring;
    settings.depth = limit;
    layout(pointer);
    depth = 0;
    atomic_fetch_add(&codes_generation, CODES_GENERATION);
    memset(slots, 0, 2 * NODES * sizeof *slots);
    nodes = 0;
    return python_thread_of(t);
}

/* ---- the tests ------------------------------------------------------------------------------------ */

static void at_random(uint32_t limit, bool pointer, uint32_t deepest)
{
    struct thread t;
    struct python_thread *mine = begin(&t, limit, pointer);
    bool deeper = true;
    for (int round = 0; round < 20000; round++) {
        if (depth > deepest || depth == 0 || rand() % 200 == 0)
            deeper = depth <= deepest / 8 || (depth < deepest && rand() % 2);
        for (int i = rand() % (rand() % 50 ? 4 : 40); i > 0; i--) {
            if (depth < MOST - 2 && rand() % 8 < (deeper ? 5 : 3)) {
                if (pointer && rand() % 3 == 0)
                    call(true);
                call(false);
            } else if (depth > 0) {
                leave();
                while (depth > 0 && pointer && frames[depth - 1].owner == PYTHON_OWNER_SHIM)
                    leave();
            }
        }
        if (depth > 0) {
            step(state.top);
            check(frames_node(mine, (uintptr_t)&state));
        }
        if (rand() % 5000 == 0)
            atomic_fetch_add(&codes_generation, CODES_GENERATION);
    }
}

static void test_any_stack(void **unused)
{
    (void)unused;
    static const uint32_t limits[] = {1, 2, 3, 4, 7, 128, 1024};
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++)
        for (int pointer = 0; pointer < 2; pointer++) {
            at_random(limits[i], pointer, limits[i] + limits[i] / 3 + 2);
            at_random(limits[i], pointer, limits[i] * 6 + 10 < 3000 ? limits[i] * 6 + 10 : 3000);
        }
}

/* The walk that hybrid stacks are made from lists the same frames, with their nodes. */
static void test_frames_of_a_cut_stack(void **unused)
{
    (void)unused;
    struct thread t;
    struct python_thread *mine = begin(&t, 128, true);
    for (int i = 0; i < 500; i++) {
        call(i % 5 == 4);
        uint32_t node = frames_node(mine, (uintptr_t)&state), kept = 0;
        bool cut;
        uint32_t length;
        const struct python_seen *seen = frames_walk(mine, (uintptr_t)&state, node, &length, &cut);
        check(node);
        assert_int_equal(seen[0].node, cut ? WIRE_NODE_CUT : WIRE_NODE_ROOT);
        assert_int_equal(seen[length].node, node);
        for (uint32_t place = length; place > 0; place--) {
            assert_ptr_equal((void *)seen[place].frame, &frames[depth - 1 - (length - place)]);
            kept += frames[depth - 1 - (length - place)].owner != PYTHON_OWNER_SHIM;
        }
        assert_int_equal(cut, depth - depth / 5 > 128);
        assert_true(cut ? kept <= 128 : kept == depth - depth / 5);
        assert_int_equal(frames_node(mine, (uintptr_t)&state), node);
    }
}

static void test_outer_frames_are_not_read(void **unused)
{
    (void)unused;
    for (int pointer = 0; pointer < 2; pointer++) {
        struct thread t;
        struct python_thread *mine = begin(&t, 128, pointer);
        while (depth < 10000)
            call(false);
        size_t hidden = 9600 * sizeof *frames; /* whole pages */
        assert_int_equal(mprotect(frames, hidden, PROT_NONE), 0);
        for (int i = 0; i < 100000; i++) {
            if (depth < 9900 || (depth < 10400 && rand() % 2))
                call(false);
            else
                leave();
            step(state.top);
            uint32_t node = frames_node(mine, (uintptr_t)&state), kept = 0;
            for (; node != WIRE_NODE_CUT; node = (uint32_t)(trie[node - 1] >> 32))
                kept++;
            assert_in_range(kept, 88, 128);
        }
        assert_int_equal(mprotect(frames, hidden, PROT_READ | PROT_WRITE), 0);
    }
}

/* ---- what an event costs -------------------------------------------------------------------------- */

#define RECURSION 100
#define COUNTED_FROM 34 /* levels whose events are counted: the cut moves once in that many */
#define COUNTED 32

static void mark(void)
{
    __asm__ volatile("int3" ::: "memory");
}

/* A function calls itself recursively, with an event at each level, three times. Each counted event is
 * between two marks. */
static void recurse(bool pointer, uint32_t from)
{
    struct thread t;
    struct python_thread *mine = begin(&t, 128, pointer);
    for (int round = 0; round < 3; round++) {
        while (depth < from + RECURSION) {
            srand(1); /* the same function, at the same call site */
            call(false);
            bool counted = round == 2 && depth - from - COUNTED_FROM < COUNTED;
            if (counted)
                mark();
            frames_node(mine, (uintptr_t)&state);
            if (counted)
                mark();
        }
        while (depth > from)
            leave();
    }
}

/* Continues the child. True at a mark, false after a single step; *status tells if it has ended. */
static bool run_child(pid_t child, bool step_by_step, int *status)
{
    siginfo_t info;
    assert_int_equal(ptrace(step_by_step ? PTRACE_SINGLESTEP : PTRACE_CONT, child, NULL, NULL), 0);
    assert_int_equal(waitpid(child, status, 0), child);
    if (!WIFSTOPPED(*status))
        return true;
    assert_int_equal(WSTOPSIG(*status), SIGTRAP);
    assert_int_equal(ptrace(PTRACE_GETSIGINFO, child, NULL, &info), 0);
    return info.si_code != TRAP_TRACE;
}

static unsigned instructions(bool pointer, uint32_t from)
{
    unsigned steps = 0;
    bool inside = false;
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) != 0)
            _exit(1);
        mark();
        recurse(pointer, from);
        _exit(0);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    do {
        if (run_child(child, inside, &status))
            inside = !inside;
        else
            steps++;
    } while (WIFSTOPPED(status));
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    return steps / COUNTED;
}

/* A recursion of 100 calls that starts 10,000 frames deep, against one that starts at the outermost frame.
 * Measured were 1.7 to 1.95 times the instructions, by addresses; other compilers may need more. Not under
 * sanitizers, which count as well. */
static __attribute__((unused)) void test_cost_of_deep_stacks(void **unused)
{
    (void)unused;
    for (int pointer = 0; pointer < 2; pointer++) {
        unsigned shallow = instructions(pointer, 0), deep = instructions(pointer, 10000);
        print_message("%s: %u instructions an event, %u from 10,000 frames on\n",
                      pointer ? "pointers" : "numbers", shallow, deep);
        assert_in_range(deep, shallow / 2, shallow * 5 / 2);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_stack),
        cmocka_unit_test(test_frames_of_a_cut_stack),
        cmocka_unit_test(test_outer_frames_are_not_read),
#if !defined __SANITIZE_ADDRESS__ && !defined __SANITIZE_THREAD__
        cmocka_unit_test(test_cost_of_deep_stacks),
#endif
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
