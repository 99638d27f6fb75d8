/* test_working_set.c - whether what a ring's events touch is fetched ahead. */
#include "working_set.h"
#include "fetch_ahead.h"
#include "random_numbers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SITES 100000u
#define BLOCKS 100000u

struct fixture {
    struct tracker tracker;
    struct tracked_process process;
    struct tracked_ring ring;
    uint64_t words[WIRE_RING_WORDS];
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    assert_non_null(f);
    assert_true(blocks_open(&f->process.blocks));
    for (uint32_t node = 1; node <= SITES; node++)
        *GROW_AT(&f->process.site_of_node, uint32_t, node) = node;
    f->process.blocks.leaf_bytes = FETCH_BLOCKS_CACHED + 1; /* more than a cache holds, of both */
    f->tracker.ledger.count = SITES;
    f->ring.words = f->words;
    f->ring.process = &f->process;
    f->ring.fetch_blocks = f->ring.fetch_sites = true;
    *state = f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    blocks_close(&f->process.blocks);
    grow_free(&f->process.site_of_node);
    free(f);
    return 0;
}

/* Publishes pairs of an allocation and a free, and asks about each part of them, as a sweep does. */
static struct fetch after(struct fixture *f, unsigned pairs, uint32_t sites, uint32_t blocks)
{
    struct fetch answer = {false, false};
    for (unsigned i = 0; i < pairs; i++) {
        uint64_t address = 0x7f0000000000 + 256 * ((next_random() >> 20) % blocks);
        uint64_t node = 1 + (next_random() >> 20) % sites;
        f->words[f->ring.head++ & DRAIN_MASK] = (uint64_t)WIRE_ALLOC << WIRE_TYPE_SHIFT | address;
        f->words[f->ring.head++ & DRAIN_MASK] = node << 32 | 24;
        f->words[f->ring.head++ & DRAIN_MASK] = (uint64_t)WIRE_FREE << WIRE_TYPE_SHIFT | address;
        if (i + 1 == pairs || f->ring.head - f->ring.tail > WIRE_RING_WORDS / 2) {
            answer = fetch_what(&f->tracker, &f->ring);
            f->ring.tail = f->ring.head;
        }
    }
    return answer;
}

#define MANY 4000000u

static void nothing_is_known_of_a_few(void **state)
{
    struct fetch answer = after(*state, 5, 1, 1);
    assert_true(answer.blocks && answer.sites);
}

static void a_few_of_many_are_not_fetched(void **state)
{
    struct fetch answer = after(*state, MANY, 50, 200);
    assert_false(answer.blocks || answer.sites);
}

static void all_of_many_are_fetched(void **state)
{
    struct fetch answer = after(*state, MANY, SITES, BLOCKS);
    assert_true(answer.blocks && answer.sites);
}

static void each_of_the_two_is_asked_for_itself(void **state)
{
    struct fetch answer = after(*state, MANY, 50, BLOCKS);
    assert_true(answer.blocks && !answer.sites);
    answer = after(*state, MANY, SITES, 200);
    assert_true(!answer.blocks && answer.sites);
}

/* What changes is noticed, in both directions. */
static void the_answer_follows_the_program(void **state)
{
    for (unsigned turn = 0; turn < 3; turn++) {
        assert_false(after(*state, MANY, 50, 200).blocks);
        assert_true(after(*state, MANY, SITES, BLOCKS).blocks);
    }
}

static void what_fits_in_a_cache_is_never_fetched(void **state)
{
    struct fixture *f = *state;
    f->process.blocks.leaf_bytes = FETCH_BLOCKS_CACHED;
    f->tracker.ledger.count = FETCH_SITES_CACHED;
    struct fetch answer = after(f, 1000, SITES, BLOCKS);
    assert_false(answer.blocks || answer.sites);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(nothing_is_known_of_a_few, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_few_of_many_are_not_fetched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_of_many_are_fetched, set_up, tear_down),
        cmocka_unit_test_setup_teardown(each_of_the_two_is_asked_for_itself, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_answer_follows_the_program, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_fits_in_a_cache_is_never_fetched, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
