/* test_predict.c - stacks that need no walk: a prediction must be what a walk over the same words has
 * found, and nothing outside the stack is read. */
#include "predict.h"
#include "rules.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
/* after the headers that it needs */
#include <cmocka.h>

/* ---- stubs for the library ---------------------------------------------------------------------------- */

#ifdef __SANITIZE_ADDRESS__
/* The tables are never freed, by design. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

#define STACK_BYTES (64 * 1024u)
#define STACK_WORDS (STACK_BYTES / 8)

uint64_t rules_generation = 1ull << 48;
static uint64_t *stacks[2]; /* each between two unreadable pages */
static unsigned this_stack;
static struct predictor predictor, other_predictor;

struct bounds bounds_of_stack(void)
{
    uintptr_t low = (uintptr_t)stacks[this_stack];
    return (struct bounds){low, low + STACK_BYTES};
}

void *guest_table(size_t size)
{
    void *pages = aligned_alloc(4096, size);
    return pages ? memset(pages, 0, size) : NULL;
}

void guest_release(void *pages, size_t size)
{
    memset(pages, 0, size);
}

/* ---- stacks --------------------------------------------------------------------------------------- */

#define DEPTH 10
#define BASE (STACK_WORDS - 100) /* the word before the hook's return address */

/* A stack of frames with 9 words each; every second one has saved rbp. */
struct stack {
    uint64_t *base;
    struct seen seen[DEPTH + 1];
};

static unsigned slot_of(unsigned frame)
{
    return 1 + frame * 9;
}

static struct stack make_stack(uint64_t *words)
{
    struct stack s = {.base = words + BASE};
    for (unsigned i = BASE; i < STACK_WORDS; i++)
        words[i] = 0x1000 + i;
    for (unsigned i = 0; i < DEPTH; i++) {
        uint64_t *slot = s.base + slot_of(i);
        *slot = 0x7f0000000000 + i;
        s.seen[i] = (struct seen){.slot = (uintptr_t)slot, .ra = *slot, .need = i % 2 == 0};
        if (i % 2) {
            slot[3] = (uintptr_t)(slot + 9); /* saved rbp, pointing into this stack */
            s.seen[i].check = (uintptr_t)(slot + 3);
        }
    }
    return s;
}

static void learn(struct predictor *p, const struct stack *s, uint32_t node)
{
    predict_learn(p, s->seen, s->seen + DEPTH, node);
}

/* Like unwind_stack(); 0: a walk is needed. */
static uint32_t predict(struct predictor *p, const uint64_t *base)
{
    uint32_t node = stack_cache_at(predict_stack(p, base));
    return node ? node : predict_others(p, base);
}

static void open_stack(struct predictor *p, unsigned number, struct stack *s)
{
    this_stack = number;
    predict_open(p);
    *s = make_stack(stacks[number]);
    for (unsigned i = 0; i < 64; i++) /* before that, a stack is not worth remembering */
        learn(p, s, 1);
}

static struct stack stack;

static int anew(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 2 && !stacks[i]; i++) {
        char *pages = mmap(NULL, STACK_BYTES + 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (pages == MAP_FAILED || mprotect(pages + 4096, STACK_BYTES, PROT_READ | PROT_WRITE) != 0)
            return -1;
        stacks[i] = (uint64_t *)(pages + 4096);
    }
    stack_cache_forget();
    memset(&predictor, 0, sizeof predictor);
    memset(&other_predictor, 0, sizeof other_predictor);
    open_stack(&predictor, 0, &stack);
    return 0;
}

/* Makes the first layout be predicted at every call of the hook. */
static void predict_always(void)
{
    for (unsigned i = 0; i < PREDICTIONS; i++)
        predictor.after[i] = (struct prediction){1, 1};
    for (unsigned i = 0; i < PREDICT_FIRST_USUAL; i++)
        predictor.usual[i] = 1;
}

/* ---- tests ---------------------------------------------------------------------------------------- */

static void learnt_is_predicted(void **state)
{
    (void)state;
    assert_int_equal(predict(&predictor, stack.base), 0);
    learn(&predictor, &stack, 77);
    for (unsigned i = 0; i < 10; i++)
        assert_int_equal(predict(&predictor, stack.base), 77);
}

/* Every bit of each word that the walk has read matters, and no other word does. */
static void changed_words_are_noticed(void **state)
{
    (void)state;
    bool counts[STACK_WORDS - BASE] = {true}; /* rbp as the hook found it: the innermost frame needs it */
    for (unsigned i = 0; i < DEPTH; i++) {
        counts[slot_of(i)] = true;
        if (i % 2)
            counts[slot_of(i) + 3] = true;
    }
    learn(&predictor, &stack, 77);
    for (unsigned word = 0; word < STACK_WORDS - BASE; word++)
        for (unsigned bit = 0; bit < 64; bit++) {
            stack.base[word] ^= 1ull << bit;
            assert_int_equal(predict(&predictor, stack.base), counts[word] ? 0 : 77);
            stack.base[word] ^= 1ull << bit;
            assert_int_equal(predict(&predictor, stack.base), 77);
        }
}

/* Swapping two words changes the stack. */
static void order_counts(void **state)
{
    (void)state;
    learn(&predictor, &stack, 77);
    predict_always();
    for (unsigned i = 0; i < DEPTH; i++)
        for (unsigned j = 0; j < i; j++) {
            uint64_t *a = stack.base + slot_of(i), *b = stack.base + slot_of(j), was = *a;
            *a = *b;
            *b = was;
            assert_int_equal(predict(&predictor, stack.base), 0);
            *b = *a;
            *a = was;
        }
    assert_int_equal(predict(&predictor, stack.base), 77);
}

static void one_layout_many_stacks(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 1000; i++) {
        stack.base[slot_of(i % DEPTH)] = 0x7f0000001000 + i;
        assert_int_equal(predict(&predictor, stack.base), 0);
        learn(&predictor, &stack, i);
        assert_int_equal(predict(&predictor, stack.base), i);
    }
}

/* Pointers into the stack are compared relative to its innermost word, so another thread's stack is the
 * same. */
static void threads_share_what_was_learnt(void **state)
{
    (void)state;
    struct stack other;
    open_stack(&other_predictor, 1, &other);
    stack.base[0] = (uintptr_t)(stack.base + 7);
    other.base[0] = (uintptr_t)(other.base + 7);
    learn(&predictor, &stack, 77);
    /* that thread has not learnt the layout yet */
    assert_int_equal(predict(&other_predictor, other.base), 0);
    learn(&other_predictor, &other, 88);
    assert_int_equal(predict(&other_predictor, other.base), 77);
    other.base[slot_of(1) + 3] += 8;
    assert_int_equal(predict(&other_predictor, other.base), 0);
}

static void forgotten_is_not_found(void **state)
{
    (void)state;
    learn(&predictor, &stack, 77);
    predict_forget(&predictor);
    assert_int_equal(predict(&predictor, stack.base), 0);
    rules_generation += 1ull << 48; /* as when a module is closed: the same words are another stack then */
    learn(&predictor, &stack, 78);
    assert_int_equal(predict(&predictor, stack.base), 78);
    stack_cache_forget();
    assert_int_equal(predict(&predictor, stack.base), 0);
    learn(&predictor, &stack, 79);
    for (uint64_t stamp = predictor.stamp, i = 0; i == 0 || predictor.stamp != stamp; i++) {
        predict_forget(&predictor);
        assert_int_not_equal(predictor.stamp, 0);
    }
    predict_always();
    assert_int_equal(predict(&predictor, stack.base), 0);
}

static void nothing_is_read_outside(void **state)
{
    (void)state;
    uint64_t *end = stacks[0] + STACK_WORDS;
    stack.seen[DEPTH - 1].slot = (uintptr_t)(end - 1);
    end[-1] = 0x7f0000000009;
    learn(&predictor, &stack, 77);
    assert_int_equal(predict(&predictor, stack.base), 77);
    /* Wherever else the hook is called and that layout predicted by mistake: frames further out do not
     * fit. */
    predict_always();
    for (uint64_t *base = stacks[0]; base + 1 < end; base++)
        assert_int_equal(predict(&predictor, base), base == stack.base ? 77 : 0);
}

/* Stacks that are not completely on the thread's own stack are not remembered, nor are those too large for
 * a layout. */
static void only_what_lies_on_the_stack(void **state)
{
    (void)state;
    struct stack s = stack;
    predictor.stack.high = s.seen[DEPTH - 1].slot;
    learn(&predictor, &s, 77);
    assert_int_equal(predict(&predictor, s.base), 0);
    predictor.stack.high += 8;
    predictor.stack.low = (uintptr_t)s.base + 8;
    learn(&predictor, &s, 77);
    assert_int_equal(predict(&predictor, s.base), 0);
    predictor.stack.low = (uintptr_t)stacks[0];
    s.seen[3].check = SEEN_ALWAYS_WALKED;
    learn(&predictor, &s, 77);
    assert_int_equal(predict(&predictor, s.base), 0);
    s.seen[3].check = (uintptr_t)s.base + 8 * 65536;
    learn(&predictor, &s, 77);
    assert_int_equal(predict(&predictor, s.base), 0);
    assert_int_equal(predictor.used, 1);
    struct seen deep[LAYOUT_WORDS + 2] = {{0}};
    for (unsigned i = 0; i < LAYOUT_WORDS + 2; i++)
        deep[i].slot = (uintptr_t)(stacks[0] + 1 + i);
    predict_learn(&predictor, deep, deep + LAYOUT_WORDS + 1, 77);
    assert_int_equal(predict(&predictor, stacks[0]), 0);
    predict_learn(&predictor, deep, deep + LAYOUT_WORDS, 78);
    assert_int_equal(predict(&predictor, stacks[0]), 78);
}

/* A layout ends with its words, also in the last line: what follows is the predictor's. */
static void the_last_line(void **state)
{
    (void)state;
    uint64_t stamp = predictor.stamp;
    predictor.used = PREDICT_LINES - 1;
    learn(&predictor, &stack, 77);
    assert_int_equal(predictor.used, PREDICT_LINES);
    assert_int_equal(predictor.stamp, stamp);
    assert_int_equal(predict(&predictor, stack.base), 77);
    stack.base[slot_of(0)]++;
    learn(&predictor, &stack, 78); /* is known, and takes no line */
    assert_int_equal(predict(&predictor, stack.base), 78);
    stack.seen[0].need = false;
    learn(&predictor, &stack, 79); /* there is no room: all are forgotten */
    assert_int_equal(predictor.used, 1);
    assert_true(predictor.varied && predictor.stamp != stamp);
}

/* What comes next depends on what the stack was, whichever of the likely layouts it had. */
static void what_it_was_is_remembered(void **state)
{
    (void)state;
    struct stack other = stack;
    learn(&predictor, &stack, 77);
    uint64_t first = predictor.last;
    other.seen[0].need = false;
    learn(&predictor, &other, 88);
    uint64_t second = predictor.last;
    assert_int_not_equal(first, second);
    stack_cache_forget();
    learn(&predictor, &stack, 77); /* only this one is found now: the first guess, or the second */
    for (unsigned i = 0; i < 10; i++) {
        predictor.last = i % 2 ? first : second;
        assert_int_equal(predict(&predictor, stack.base), 77);
        assert_int_equal(predictor.last, first);
    }
    predictor.after[predictor.prediction] = (struct prediction){2, 1}; /* lines in the order of learning */
    uint32_t at = predictor.prediction;
    predictor.prediction = at;
    predictor.last = second;
    assert_int_equal(predict_others(&predictor, stack.base), 77);
    assert_int_equal(predictor.last, first);
    assert_int_equal(predictor.after[at].first, 1);
    assert_int_equal(predictor.after[at].second, 2);
    stack_cache_forget();
    predictor.last = second;
    assert_int_equal(predict_others(&predictor, stack.base), 0);
    assert_int_equal(predictor.last, second); /* the walk will say what it was */
}

/* More layouts than fit: each is found after it was learnt, and none is mistaken for another. */
static void many_layouts(void **state)
{
    (void)state;
    for (uint32_t i = 1; i <= 40000; i++) {
        struct stack s = {.base = stacks[0] + i % 1000};
        for (unsigned k = 0; k < 4; k++) {
            uint64_t *slot = s.base + 1 + k * 50 + (k ? i / 1000 : 0);
            *slot = k * 1000000 + i;
            s.seen[k] = (struct seen){.slot = (uintptr_t)slot};
        }
        assert_int_equal(predict(&predictor, s.base), 0);
        predict_learn(&predictor, s.seen, s.seen + 4, i);
        uint32_t node = predict(&predictor, s.base);
        assert_true(node == i || node == 0);
        assert_true(node == i || i > PREDICT_LINES / 2);
    }
    assert_true(predictor.varied);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(learnt_is_predicted, anew),
        cmocka_unit_test_setup(changed_words_are_noticed, anew),
        cmocka_unit_test_setup(order_counts, anew),
        cmocka_unit_test_setup(one_layout_many_stacks, anew),
        cmocka_unit_test_setup(threads_share_what_was_learnt, anew),
        cmocka_unit_test_setup(forgotten_is_not_found, anew),
        cmocka_unit_test_setup(nothing_is_read_outside, anew),
        cmocka_unit_test_setup(only_what_lies_on_the_stack, anew),
        cmocka_unit_test_setup(the_last_line, anew),
        cmocka_unit_test_setup(what_it_was_is_remembered, anew),
        cmocka_unit_test_setup(many_layouts, anew),
    };
    return cmocka_run_group_tests_name("predict", tests, NULL, NULL);
}
