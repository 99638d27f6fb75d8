/* test_sampler.c - which blocks a sampled run records: the arithmetic against libm, the share of blocks of each size
 * against the one promised, the exact totals, threads and their lines, and the set of recorded blocks against a list.
 *
 * The bounds are six standard deviations: a right sampler fails once in 10^8 runs.
 */
#include "sampler.h"
#include "process.h"
#include "sample_set.h"
#include "sampling_rule.h"
#include "thread.h"

#define RANDOM_SEED 0x9e3779b97f4a7c15ull
#include "random_numbers.h"

#include <math.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "mapped_pages.h"

/* ---- what sampler.c needs ----------------------------------------------------------------------------- */

struct wire_process *process;
uint32_t attach_generation;
static bool watch_allocates;
static int watched;

bool thread_watch_allocates(void)
{
    return watch_allocates;
}

void thread_watch_end(void)
{
    watched++;
    if (watch_allocates)
        assert_true(sampler_passes(512)); /* calloc() */
}

static int set_up(void **unused)
{
    (void)unused;
    static struct wire_process slot;
    process = &slot;
    return 0;
}

/* ---- arithmetic -------------------------------------------------------------------------------------- */

static void weights_are_right(void **unused)
{
    (void)unused;
    for (uint64_t interval = 1; interval <= SAMPLING_MOST; interval = interval * 3 + 1)
        for (uint64_t size = 0; size <= interval; size = size + size / 3 + 1) {
            double hit = -expm1(-(double)(size + 1) / (double)interval);
            uint64_t weight = sampling_weight(size, interval);
            if (size == interval) {
                assert_int_equal(weight, 1);
                continue;
            }
            assert_true(fabs(sampling_hit(size, interval) - hit) <= 1e-14 * hit);
            /* The next whole number, so that the share of hits that is recorded is at most 1. */
            assert_true((double)weight * hit >= 1 - 1e-12 && (double)(weight - 1) * hit < 1 + 1e-12);
        }
}

static void texts_are_intervals(void **unused)
{
    (void)unused;
    static const struct {
        const char *text;
        uint32_t interval;
    } cases[] = {{"512KiB", 512 << 10},
                 {"1M", 1 << 20},
                 {"100", 100},
                 {"7B", 7},
                 {"64k", 64 << 10},
                 {"512kb", 512 << 10},
                 {"1GiB", 1u << 30},
                 {"2G", 0},
                 {"1Kx", 0},
                 {"x", 0},
                 {"-1", 0},
                 {"0", 0},
                 {" 5", 0},
                 {"5 K", 0},
                 {"1073741825", 0},
                 {"99999999999999999999G", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(sampling_interval(cases[i].text), cases[i].interval);
    assert_true(sampling_off("") && sampling_off("0") && !sampling_off("00") && !sampling_off("1"));
}

/* ---- the sampler ------------------------------------------------------------------------------------- */

/* An allocation of the program; true: it is recorded. */
static bool allocate(size_t size)
{
    return !sampler_passes(size) && sampler_takes(size);
}

#define BLOCKS 400000u

/* Of blocks of each size that is recorded has the share 1/c, whatever sizes come before and after it. */
static void shares_are_right(void **unused)
{
    (void)unused;
    static const size_t sizes[] = {0, 1, 24, 300, 4095, 5000, 8000, 8191, 8192, 100000};
    enum { SIZES = sizeof sizes / sizeof sizes[0] };
    uint64_t made[SIZES] = {0}, taken[SIZES] = {0}, bytes = 0;
    assert_true(sampler_start(8192));
    for (uint32_t i = 0; i < SIZES * BLOCKS; i++) {
        size_t which = (size_t)(next_random() >> 33) % SIZES;
        made[which]++;
        taken[which] += allocate(sizes[which]);
        bytes += sizes[which];
    }
    for (size_t i = 0; i < SIZES; i++) {
        double share = 1 / (double)sampling_weight(sizes[i], 8192), expected = (double)made[i] * share;
        double deviation = sqrt(expected * (1 - share));
        assert_true(fabs((double)taken[i] - expected) <= 6 * deviation);
    }
    sampler_says();
    assert_int_equal(process->sampled_allocations, SIZES * BLOCKS);
    assert_int_equal(process->sampled_bytes, bytes);
}

/* The estimate is off by as much as its variance says: in units of its standard error it has variance 1. */
static void variances_are_right(void **unused)
{
    (void)unused;
    enum { ROUNDS = 2000, EACH = 3000 };
    double squares = 0;
    assert_true(sampler_start(4096));
    for (int round = 0; round < ROUNDS; round++) {
        double truth = 0, estimate = 0, variance = 0;
        for (int i = 0; i < EACH; i++) {
            size_t size = 16 + (size_t)(next_random() >> 40) % 1000;
            double weight = (double)sampling_weight(size, 4096);
            truth += (double)size;
            if (!allocate(size))
                continue;
            estimate += weight * (double)size;
            variance += weight * (weight - 1) * (double)(size * size);
        }
        squares += (estimate - truth) * (estimate - truth) / variance;
    }
    /* The mean of 2,000 squares: its deviation is sqrt(2/2000), 0.032. */
    assert_true(fabs(squares / ROUNDS - 1) < 6 * sqrt(2.0 / ROUNDS));
}

/* What is counted below an allocation that was counted is not counted again; the next one can be made due. */
static void suspends_and_holds(void **unused)
{
    (void)unused;
    assert_true(sampler_start(4096));
    allocate(1);
    sampler_says();
    uint64_t before = process->sampled_allocations, bytes = process->sampled_bytes;
    struct sampler_saved saved = sampler_suspend();
    for (int i = 0; i < 1000; i++)
        assert_true(sampler_passes(100));
    sampler_resume(&saved);
    allocate(10);
    sampler_says();
    assert_int_equal(process->sampled_allocations, before + 1);
    assert_int_equal(process->sampled_bytes, bytes + 10);
    allocate(3);
    sampler_hold();
    assert_true(sampler_held());
    assert_false(sampler_passes(5));
    sampler_takes(5);
    assert_false(sampler_held());
    sampler_undo(5);
    sampler_says();
    assert_int_equal(process->sampled_allocations, before + 2);
    assert_int_equal(process->sampled_bytes, bytes + 13);
}

/* While nothing is recorded, a thread asks again after a MiB, and what it allocates counts. */
static void rests(void **unused)
{
    (void)unused;
    assert_true(sampler_start(4096));
    allocate(1);
    sampler_says();
    uint64_t before = process->sampled_allocations, bytes = process->sampled_bytes;
    assert_int_equal(sampler_passes(100), sampler_self->until > 0);
    sampler_rest();
    int64_t rest = sampler_self->until;
    assert_true(rest >= 1 << 20);
    for (int64_t i = 1; i < rest / 101; i++)
        assert_true(sampler_passes(100));
    unsigned more = 0;
    while (sampler_passes(100))
        more++;
    assert_true(more <= 2);
    sampler_rest();
    sampler_says();
    assert_int_equal(process->sampled_allocations, before + 1 + (uint64_t)(rest / 101 - 1) + more + 1);
    assert_int_equal(process->sampled_bytes, bytes + 100 * (process->sampled_allocations - before));
}

/* While the next allocation is made due, the bytes until then do not count. */
static void what_is_held_is_not_counted(void **unused)
{
    (void)unused;
    assert_true(sampler_start(1 << 20));
    allocate(1);
    sampler_says();
    uint64_t bytes = process->sampled_bytes;
    sampler_hold();
    assert_true(sampler_held());
    sampler_says();
    assert_int_equal(process->sampled_bytes, bytes);
}

/* ---- threads and their lines --------------------------------------------------------------------------- */

static struct sampler due = {.until = INT64_MIN / 2};

/* What is said of blocks of `size` bytes that were made since `before`. */
static void assert_said(const struct wire_process *before, uint64_t blocks, uint64_t size)
{
    sampler_says();
    assert_int_equal(process->sampled_allocations - before->sampled_allocations, blocks);
    assert_int_equal(process->sampled_bytes - before->sampled_bytes, blocks * size);
}

static struct sampler *lines_seen[2];

/* Its end may allocate, too: that counts, but takes no line any more. */
static void *allocates_at_its_end(void *place)
{
    for (int i = 0; i < 1000; i++)
        allocate(50);
    *(struct sampler **)place = sampler_self;
    sampler_ends();
    const struct sampler *ended = sampler_self;
    assert_ptr_not_equal(ended, *(struct sampler **)place);
    for (int i = 0; i < 1000; i++) {
        allocate(50);
        assert_ptr_equal(sampler_self, ended);
    }
    return NULL;
}

static void lines_are_used_again(void **unused)
{
    (void)unused;
    assert_true(sampler_start(4096));
    struct wire_process before = *process;
    for (int i = 0; i < 2; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, allocates_at_its_end, &lines_seen[i]), 0);
        assert_int_equal(pthread_join(thread, NULL), 0);
    }
    assert_ptr_equal(lines_seen[0], lines_seen[1]);
    assert_said(&before, 4000, 50);
}

/* As many threads as nobody has lines for, all in this one: each counts, and each block has its share. */
static void threads_without_a_line_count(void **unused)
{
    (void)unused;
    enum { THREADS = 20000, EACH = 40, SIZE = 300 };
    static struct sampler *of[THREADS];
    struct sampler *own = sampler_self, *place = NULL;
    uint64_t taken = 0, lines = 0;
    assert_true(sampler_start(8192));
    struct wire_process before = *process;
    for (int i = 0; i < THREADS; i++) {
        sampler_self = &due;
        for (int block = 0; block < EACH; block++)
            taken += allocate(SIZE);
        of[i] = sampler_self;
        if (sampler_self->random)
            lines++;
        else
            place = place ? place : of[i];
        assert_true(sampler_self->random || of[i] == place);
    }
    assert_true(lines > 1000 && lines < THREADS - 1000);
    assert_said(&before, THREADS * EACH, SIZE);
    double share = 1 / (double)sampling_weight(SIZE, 8192), expected = THREADS * EACH * share;
    assert_true(fabs((double)taken - expected) <= 6 * sqrt(expected * (1 - share)));
    before = *process;
    taken = 0;
    sampler_self = place;
    for (uint32_t i = 0; i < BLOCKS; i++)
        taken += allocate(SIZE);
    sampler_undo_taken(SIZE); /* the last one failed */
    assert_said(&before, BLOCKS - 1, SIZE);
    expected = BLOCKS * share;
    assert_true(fabs((double)taken - expected) <= 6 * sqrt(expected * (1 - share)));
    sampler_self = own;
}

/* How many of so many threads, all in this one, have a line. */
static unsigned lines_of(unsigned threads)
{
    unsigned lines = 0;
    for (unsigned i = 0; i < threads; i++) {
        sampler_self = &due;
        allocate(7);
        lines += sampler_self->random != 0;
    }
    return lines;
}

static void children_have_as_many_lines(void **unused)
{
    (void)unused;
    int status;
    assert_true(sampler_start(8192));
    assert_int_equal(lines_of(1), 1);
    struct sampler *own = sampler_self;
    unsigned lines = 1 + lines_of(10000);
    sampler_self = own;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        sampler_forked();
        _exit(lines_of(10000) == lines ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_in_range(lines, 8000, 9999);
}

/* Of an earlier trace they stay where they are, as threads may still have them, but take no memory. */
static void lines_left_behind(void **unused)
{
    (void)unused;
    unsigned char resident = 0;
    assert_true(sampler_start(8192));
    assert_int_equal(lines_of(1), 1);
    void *page = (void *)((uintptr_t)sampler_self & ~(uintptr_t)4095);
    assert_int_equal(mincore(page, 4096, &resident), 0);
    assert_int_equal(resident & 1, 1);
    assert_true(sampler_start(8192));
    assert_int_equal(mincore(page, 4096, &resident), 0);
    assert_int_equal(resident & 1, 0);
    assert_int_equal(sampler_self->random, 0);
}

/* A child finds its line wiped, and all others free; what its parent has counted is not the child's. */
static void children_begin_anew(void **unused)
{
    (void)unused;
    assert_true(sampler_start(8192));
    sampler_self = &due;
    allocate(7);
    struct sampler *first = sampler_self;
    sampler_self = &due;
    allocate(7);
    assert_ptr_not_equal(sampler_self, first);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        process->sampled_allocations = process->sampled_bytes = 0;
        bool right = !sampler_passes(11);
        sampler_forked();
        sampler_takes(11);
        right &= sampler_self == first && sampler_self->random;
        sampler_says();
        _exit(right && process->sampled_allocations == 1 && process->sampled_bytes == 11 ? 0 : 1);
    }
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    struct wire_process before = *process;
    allocate(7);
    assert_said(&before, 3, 7); /* two were not said yet */
}

/* A thread that still has a line of an earlier trace does not count there. */
static void lines_of_an_earlier_trace_are_left(void **unused)
{
    (void)unused;
    assert_true(sampler_start(8192));
    for (int i = 0; i < 100; i++)
        allocate(9);
    sampler_says();
    const struct sampler *left = sampler_self;
    attach_generation++;
    assert_true(sampler_start(4096));
    struct wire_process before = *process;
    for (int i = 0; i < 100; i++)
        allocate(5);
    assert_ptr_not_equal(sampler_self, left);
    assert_said(&before, 100, 5);
}

/* What the C library allocates to watch the thread's end is none of the program's. */
static void watching_does_not_count(void **unused)
{
    (void)unused;
    assert_true(sampler_start(8192));
    struct wire_process before = *process;
    int times = watched;
    watch_allocates = true;
    sampler_self = &due;
    for (int i = 0; i < 3; i++)
        allocate(5);
    watch_allocates = false;
    assert_int_equal(watched, times + 1);
    assert_said(&before, 3, 5);
}

/* ---- the set ----------------------------------------------------------------------------------------- */

#define ADDRESSES 5000u

static const void *address(uint32_t i)
{
    return (const void *)(uintptr_t)(0x7f0000000000ull + (uint64_t)i * 48 + (uint64_t)(i % 7) * 0x100000);
}

static void set_holds_what_was_added(void **unused)
{
    (void)unused;
    static bool in[ADDRESSES];
    sample_set_clear();
    for (int step = 0; step < 200000; step++) {
        uint32_t i = (uint32_t)(next_random() >> 33) % ADDRESSES;
        if (in[i])
            assert_true(sample_set_may_hold(address(i)) && sample_set_take(address(i)));
        else if (next_random() % 2) {
            if (sample_set_may_hold(address(i)))
                assert_false(sample_set_take(address(i)));
            continue;
        } else
            sample_set_add(address(i));
        in[i] = !in[i];
    }
    for (uint32_t i = 0; i < ADDRESSES; i++)
        if (in[i])
            assert_true(sample_set_take(address(i)));
    for (size_t i = 0; i < SAMPLE_SETS; i++)
        assert_int_equal(sample_filter[i], 0);
}

/* More in one set than a byte counts: none is forgotten. */
static void full_counts_stay(void **unused)
{
    (void)unused;
    sample_set_clear();
    for (uint64_t i = 0; i < 300; i++)
        sample_set_add((const void *)(uintptr_t)((i << 40 | 0x10) + 0));
    for (uint64_t i = 0; i < 300; i++)
        assert_true(sample_set_may_hold((const void *)(uintptr_t)(i << 40 | 0x10)) &&
                    sample_set_take((const void *)(uintptr_t)(i << 40 | 0x10)));
    assert_false(sample_set_take((const void *)0x10));
    sample_set_clear();
    assert_false(sample_set_may_hold((const void *)0x10));
}

/* The set is as large as what is in it, not as what was. */
static void the_set_does_not_grow(void **unused)
{
    (void)unused;
    sample_set_clear();
    sample_set_add(address(0));
    size_t before = mapped_pages();
    for (unsigned i = 1; i < 1000000; i++) {
        sample_set_add(address(1 + i % 200));
        assert_true(sample_set_take(address(1 + i % 200)));
    }
    assert_true(mapped_pages() < before + 256);
    sample_set_clear();
}

/* In the place of guest_pages(), which fails, or is called while another thread forks. */
static bool no_pages, forks;
void *__real_guest_pages(size_t size);
void *__wrap_guest_pages(size_t size);
void *__wrap_guest_pages(size_t size)
{
    if (forks)
        sample_set_forked();
    return no_pages ? NULL : __real_guest_pages(size);
}

/* Then any block may be one that was recorded. */
static void the_set_lacks_some(void **unused)
{
    (void)unused;
    for (int i = 0; i < 2; i++) {
        sample_set_clear();
        assert_false(sample_set_take(address(1)));
        no_pages = i == 0;
        forks = i == 1;
        sample_set_add(address(0));
        no_pages = forks = false;
        assert_true(sample_set_may_hold(address(0)));
        assert_true(sample_set_take(address(0)) && sample_set_take(address(1)));
    }
    sample_set_clear();
    assert_false(sample_set_take(address(1)));
}

/* Has to be the first test: there are no lines yet. */
static void nothing_to_say(void **unused)
{
    (void)unused;
    sampler_says();
    assert_int_equal(process->sampled_allocations, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_to_say),
        cmocka_unit_test(the_set_does_not_grow),
        cmocka_unit_test(the_set_lacks_some),
        cmocka_unit_test(weights_are_right),
        cmocka_unit_test(texts_are_intervals),
        cmocka_unit_test(shares_are_right),
        cmocka_unit_test(variances_are_right),
        cmocka_unit_test(suspends_and_holds),
        cmocka_unit_test(rests),
        cmocka_unit_test(what_is_held_is_not_counted),
        cmocka_unit_test(lines_are_used_again),
        cmocka_unit_test(threads_without_a_line_count),
        cmocka_unit_test(children_begin_anew),
        cmocka_unit_test(children_have_as_many_lines),
        cmocka_unit_test(lines_left_behind),
        cmocka_unit_test(lines_of_an_earlier_trace_are_left),
        cmocka_unit_test(watching_does_not_count),
        cmocka_unit_test(set_holds_what_was_added),
        cmocka_unit_test(full_counts_stay),
    };
    return cmocka_run_group_tests(tests, set_up, NULL);
}
