/* test_rules.c - the table of unwinding rules: each return address gets its own rule and frame, whatever
 * else is in the table, whoever else uses it, and whether or not there is room to remember it. */
#define _GNU_SOURCE
#include "cfi.h"
#include "debug_frame.h"
#include "loader.h"
#include "modules.h"
#include "rules.h"
#include "runtimes.h"
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

/* ---- stubs for the library, with made-up numbers ------------------------------------------------------ */

#ifdef __SANITIZE_ADDRESS__
/* The table is never freed, by design. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
    return "detect_leaks=0";
}
#endif

#define TRAP_FLAG 0x100 /* the processor's: traps after each instruction */

/* there is no module below; from MODULE_OTHER on there is one without .eh_frame */
#define MODULE_FIRST 0x100000000000u
#define MODULE_OTHER 0x500000000000u
#define MODULE_NUMBER 9

_Atomic bool modules_missed;
static _Atomic unsigned worked_out; /* how many rules were read from a module */
static uint64_t code;               /* changes the rules and the frames, as loading another module would */
static uint64_t numbering;          /* changes the frames, as another process slot would */
static bool no_pages, no_frames;

static const struct cfi_section from_file = {.header = 1};

static uint32_t mix(uint64_t x)
{
    x = (x ^ x >> 31) * 0x7fb5d329728ea185ull;
    x = (x ^ x >> 27) * 0x81dadef4bc2dd44dull;
    return (uint32_t)(x >> 32);
}

static uint32_t rule_of(uintptr_t address)
{
    return mix(address ^ code << 56) & ~(3u << 30);
}

static uint32_t frame_of(uintptr_t address)
{
    return mix(address + 0x9e3779b97f4a7c15ull * (1 + code + 100 * numbering)) | 1;
}

void *guest_pages(size_t size)
{
    void *pages = no_pages ? NULL : aligned_alloc(4096, size);
    return pages ? memset(pages, 0, size) : NULL;
}

void guest_unmap(void *pages, size_t size)
{
    (void)size;
    free(pages);
}

bool modules_find(uintptr_t address, struct module *module)
{
    *module = (struct module){.number = MODULE_NUMBER, .cfi.header = address < MODULE_OTHER ? 2 : 0};
    return address >= MODULE_FIRST;
}

enum modules_change modules_refresh(void (*stale)(void))
{
    (void)stale;
    return MODULES_SAME;
}

unsigned modules_runtimes(void)
{
    return RUNTIME_V8;
}

bool loader_answers(void)
{
    return true;
}

uint32_t cfi_rule(const struct cfi_section *section, uintptr_t pc, struct cfi_scratch *scratch)
{
    (void)scratch;
    if (!section->header)
        return rule_special(SPECIAL_UNKNOWN);
    atomic_fetch_add(&worked_out, 1);
    return rule_of(pc + 1);
}

const struct cfi_section *debug_frame_of(const struct module *module)
{
    return module->cfi.header ? NULL : &from_file;
}

uint32_t runtime_rule(uintptr_t return_address, const struct module *module, unsigned loaded)
{
    (void)return_address;
    return !module && loaded == RUNTIME_V8 ? RULE_FRAME_POINTER : rule_special(SPECIAL_UNKNOWN);
}

uint32_t stacks_frame(enum wire_frame_kind kind, uint64_t value, uint32_t owner)
{
    bool in_module = value - 1 >= MODULE_FIRST;
    if (no_frames || kind != WIRE_FRAME_NATIVE || owner != (in_module ? MODULE_NUMBER : 0))
        return 0;
    return frame_of(value);
}

/* ---- tests ---------------------------------------------------------------------------------------- */

static int anew(void **state)
{
    (void)state;
    rules_flush();
    worked_out = 0;
    modules_missed = no_pages = no_frames = false;
    return 0;
}

static uintptr_t next_address(uint64_t *seed)
{
    *seed = *seed * 6364136223846793005ull + 1442695040888963407ull;
    /* A few hundred functions with many calls each: neighbouring addresses, as return addresses are. */
    return MODULE_FIRST + (*seed >> 58) * 0x10000001000u + (*seed >> 34) % 65536 * 3;
}

static void check(uintptr_t address)
{
    union rule_known known = rules_find(address, NULL);
    assert_int_equal(known.rule, rule_of(address));
    assert_int_equal(known.frame, frame_of(address));
}

/* Has to be the first test: the table has no memory yet. */
static void no_memory_costs_time_only(void **state)
{
    (void)state;
    rules_table none = rules_now;
    no_pages = true;
    for (uintptr_t i = 0; i < 100; i++)
        check(MODULE_FIRST + 1 + i % 10);
    assert_int_equal(worked_out, 100);
    assert_int_equal(rules_now, none);
    no_pages = false;
    for (uintptr_t i = 0; i < 100; i++)
        check(MODULE_FIRST + 1 + i % 10);
    assert_int_equal(worked_out, 110);
}

#define ADDRESSES 100000

static void found_after_it_was_added(void **state)
{
    (void)state;
    uint64_t seed = 1;
    for (int i = 0; i < ADDRESSES; i++)
        check(next_address(&seed));
    unsigned once = worked_out;
    assert_true(once > ADDRESSES * 9 / 10);
    seed = 1;
    for (int i = 0; i < ADDRESSES; i++)
        check(next_address(&seed));
    /* A table is at most half full, so only few find no room in their line, nor in a smaller table's. */
    assert_in_range(worked_out - once, 0, ADDRESSES / 100);
    assert_false(modules_missed);
}

/* Addresses with the same line, where only some of them fit. */
#define CROWD (3 * RULES_LINE)

static void find_crowd(uintptr_t crowd[CROWD])
{
    check(MODULE_FIRST + 1); /* now there is a table */
    const struct rule_entry *home = rules_home(rules_now, MODULE_FIRST + 1);
    unsigned count = 0;
    for (uintptr_t a = MODULE_FIRST + 1; count < CROWD; a++)
        if (rules_home(rules_now, a) == home)
            crowd[count++] = a;
}

static void same_home_is_not_the_same(void **state)
{
    (void)state;
    uintptr_t crowd[CROWD];
    find_crowd(crowd);
    for (unsigned known = 1; known <= CROWD; known++) {
        unsigned before = worked_out;
        check(crowd[known - 1]);
        assert_int_equal(worked_out,
                         before + (known > 1)); /* found by its own address, not by what was there before */
        for (unsigned i = 0; i < known; i++)
            check(crowd[i]);
    }
}

/* Addresses on one line that differ only in their highest bits, where the generation is stored. */
static void high_bits_belong_to_the_address(void **state)
{
    (void)state;
    for (uintptr_t bit = 1ull << 47; bit >= 1ull << 32; bit >>= 1)
        check(bit | 0x100000012345u);
    for (uintptr_t bit = 1ull << 47; bit >= 1ull << 32; bit >>= 1)
        check(bit | 0x100000012345u);
    assert_int_equal(worked_out, 16);
}

static void flush_forgets(void **state)
{
    (void)state;
    for (uintptr_t a = 1; a <= 1000; a++)
        check(MODULE_FIRST + a);
    code++;
    for (uintptr_t a = 1; a <= 1000; a++) /* nothing has announced the change yet */
        assert_int_not_equal(rules_find(MODULE_FIRST + a, NULL).both,
                             rule_of(MODULE_FIRST + a) | (uint64_t)frame_of(MODULE_FIRST + a) << 32);
    rules_flush();
    for (uintptr_t a = 1; a <= 1000; a++)
        check(MODULE_FIRST + a);
    assert_int_equal(worked_out, 2000);
}

/* Old entries must not look new when the generations are counted from one again. */
static void generations_begin_again(void **state)
{
    (void)state;
    unsigned flushes = 0;
    for (uintptr_t a = 1; a <= 1000; a++)
        check(MODULE_FIRST + a);
    for (uint64_t first = rules_generation; flushes == 0 || rules_generation != first; flushes++) {
        code++;
        rules_flush();
        assert_int_not_equal(rules_generation, 0);
        assert_int_equal(rules_generation << 16, 0);
    }
    assert_int_equal(flushes, 65535);
    for (uintptr_t a = 1; a <= 1000; a++)
        check(MODULE_FIRST + a);
    assert_int_equal(worked_out, 2000);
}

/* A forked child keeps the rules, but its frames have other numbers; and it forgets like any other
 * process. */
static void child_keeps_rules_but_not_frames(void **state)
{
    (void)state;
    for (uintptr_t a = 1; a <= 1000; a++)
        check(MODULE_FIRST + a);
    numbering++;
    rules_forked();
    for (uintptr_t a = 1; a <= 1000; a++)
        check(MODULE_FIRST + a);
    assert_int_equal(worked_out, 1000);
    check(MODULE_FIRST + 1001);
    assert_int_equal(worked_out, 1001);
    code++;
    rules_flush();
    for (uintptr_t a = 1; a <= 1001; a++)
        check(MODULE_FIRST + a);
    assert_int_equal(worked_out, 2002);
}

static void other_information(void **state)
{
    (void)state;
    check(MODULE_OTHER + 1000); /* only the file has its rule */
    assert_false(modules_missed);
    union rule_known known = rules_find(MODULE_FIRST - 1000, NULL);
    assert_int_equal(known.rule, RULE_FRAME_POINTER);
    assert_int_equal(known.frame, frame_of(MODULE_FIRST - 1000));
    assert_true(modules_missed);
}

/* The arena is full: an address without a frame is reported as such, but still has its rule. */
static void no_room_for_a_frame_is_told(void **state)
{
    (void)state;
    check(MODULE_FIRST + 1);
    no_frames = true;
    check(MODULE_FIRST + 1);
    union rule_known known = rules_find(MODULE_FIRST + 2, NULL);
    assert_int_equal(known.rule, rule_of(MODULE_FIRST + 2));
    assert_int_equal(known.frame, 0);
}

#define THREADS 4
#define ROUNDS 8

static bool is_right(uintptr_t address)
{
    union rule_known known = rules_find(address, NULL);
    return known.rule == rule_of(address) && known.frame == frame_of(address);
}

/* One thread keeps replacing entries while the others look them up. */
static void *look_up_many(void *number)
{
    uint64_t wrong = 0;
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t seed = 1 + (uintptr_t)number / 2;
        for (int i = 0; i < ADDRESSES / 4; i++)
            wrong += !is_right(next_address(&seed));
        if (!number)
            rules_flush();
    }
    return (void *)(uintptr_t)wrong;
}

static uintptr_t crowd_of_threads[CROWD];

static void *look_up_crowd(void *number)
{
    uint64_t wrong = 0;
    for (unsigned i = 0; i < 2000000; i++) {
        wrong += !is_right(crowd_of_threads[i % RULES_LINE]);
        if (!number && i % RULES_LINE == 0)
            rules_flush();
    }
    return (void *)(uintptr_t)wrong;
}

static void all_are_right(void *(*look_up)(void *))
{
    pthread_t thread[THREADS];
    for (uintptr_t i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&thread[i], NULL, look_up, (void *)i), 0);
    for (int i = 0; i < THREADS; i++) {
        void *wrong;
        pthread_join(thread[i], &wrong);
        assert_null(wrong);
    }
}

static void threads_get_what_is_theirs(void **state)
{
    (void)state;
    all_are_right(look_up_many);
}

/* All threads use the same few entries at the same time. */
static void threads_fight_for_a_line(void **state)
{
    (void)state;
    find_crowd(crowd_of_threads);
    all_are_right(look_up_crowd);
}

/* ---- interrupted after each of its instructions ----------------------------------------------------- */

/* Simulates another thread, or a signal handler, at this moment, so that the test does not depend on
 * scheduling. */
static uintptr_t crowd[CROWD];
static uint64_t wrong_meanwhile;
static unsigned steps, when;

static void at_step(int number, siginfo_t *info, void *context)
{
    (void)number;
    (void)info;
    if (steps++ < when)
        return;
    ((ucontext_t *)context)->uc_mcontext.gregs[REG_EFL] &= ~TRAP_FLAG;
    wrong_meanwhile += !is_right(crowd[0]);
}

static void another_looks_up_the_same(void **state)
{
    (void)state;
    struct sigaction action = {.sa_sigaction = at_step, .sa_flags = SA_SIGINFO}, before;
    find_crowd(crowd);
    sigaction(SIGTRAP, &action, &before);
    for (when = 0, steps = 1; steps >= when; when++) { /* until the look-up ends before that step */
        rules_flush();
        for (unsigned i = CROWD; i-- > 1;) /* fills the places with other addresses */
            check(crowd[i]);
        rules_flush();
        steps = 0;
        __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() | TRAP_FLAG);
        bool right = is_right(crowd[0]);
        __builtin_ia32_writeeflags_u64(__builtin_ia32_readeflags_u64() & ~(uint64_t)TRAP_FLAG);
        assert_true(right);
        assert_int_equal(wrong_meanwhile, 0);
        for (unsigned i = 0; i < CROWD; i++) /* and nothing wrong is left behind */
            check(crowd[i]);
    }
    assert_true(when > 50);
    sigaction(SIGTRAP, &before, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(no_memory_costs_time_only, anew),
        cmocka_unit_test_setup(same_home_is_not_the_same, anew),
        cmocka_unit_test_setup(another_looks_up_the_same, anew),
        cmocka_unit_test_setup(high_bits_belong_to_the_address, anew),
        cmocka_unit_test_setup(flush_forgets, anew),
        cmocka_unit_test_setup(generations_begin_again, anew),
        cmocka_unit_test_setup(child_keeps_rules_but_not_frames, anew),
        cmocka_unit_test_setup(other_information, anew),
        cmocka_unit_test_setup(no_room_for_a_frame_is_told, anew),
        cmocka_unit_test_setup(found_after_it_was_added, anew),
        cmocka_unit_test_setup(threads_get_what_is_theirs, anew),
        cmocka_unit_test_setup(threads_fight_for_a_line, anew),
    };
    return cmocka_run_group_tests_name("rules", tests, NULL, NULL);
}
