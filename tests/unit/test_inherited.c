/* test_inherited.c - blocks of forked processes, against memory that is painted unit by unit and copied at
 * each fork. */
#include "inherited.h"
#include "track.h"
#include "random_numbers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIRST 0x7f0000000000ull
#define UNITS 4000 /* of memory, UNIT bytes each */
#define UNIT 16
#define LARGEST 20 /* units of a block */

/* A process and its painted memory: where blocks begin, with their sites and sizes. */
struct painted {
    struct tracked_process process;
    struct {
        uint32_t site, units; /* 0 = no block begins here */
        bool taken;           /* it belongs to a block */
        bool own;
    } unit[UNITS];
};

static struct painted *born(void)
{
    struct painted *one = calloc(1, sizeof *one);
    assert_non_null(one);
    assert_true(blocks_open(&one->process.blocks));
    return one;
}

static struct painted *forked(struct painted *from, uint32_t tick)
{
    struct painted *one = born();
    memcpy(one->unit, from->unit, sizeof one->unit);
    for (size_t i = 0; i < UNITS; i++)
        one->unit[i].own = false;
    inherited_begin(&one->process, &from->process, tick);
    return one;
}

static void make(struct painted *one, uint32_t tick)
{
    uint32_t at = next_random() % (UNITS - LARGEST), units = 1 + next_random() % LARGEST;
    uint32_t site = 1 + next_random() % 1000;
    for (uint32_t i = at; i < at + units; i++)
        if (one->unit[i].taken)
            return;
    for (uint32_t i = at; i < at + units; i++)
        one->unit[i].taken = true;
    one->unit[at].site = site;
    one->unit[at].units = units;
    one->unit[at].own = true;
    struct block block = {FIRST + (uint64_t)at * UNIT, (uint64_t)units * UNIT, site, tick, 0}, old;
    assert_int_equal(blocks_put(&one->process.blocks, &block, &old), 0);
}

static void drop(struct painted *one)
{
    uint32_t at = next_random() % UNITS;
    struct block block;
    if (!one->unit[at].units)
        return;
    bool found = blocks_take(&one->process.blocks, FIRST + (uint64_t)at * UNIT, &block);
    assert_int_equal(found, one->unit[at].own);
    if (!found)
        inherited_freed(&one->process, FIRST + (uint64_t)at * UNIT);
    for (uint32_t i = at; i < at + one->unit[at].units; i++)
        one->unit[i].taken = false;
    one->unit[at].units = one->unit[at].site = 0;
}

static void live(struct painted *one, uint32_t tick, int steps)
{
    for (int i = 0; i < steps; i++) {
        if (next_random() % 5 < 3)
            make(one, tick);
        else
            drop(one);
    }
}

/* The listed blocks, in pieces of any size, must be the painted ones. Returns how many there are. */
static size_t compare(const struct painted *one)
{
    struct block list[300];
    uint64_t from = FIRST, end = FIRST + (uint64_t)UNITS * UNIT;
    size_t at = 0, total = 0;
    while (from < end) {
        size_t count = inherited_range(&one->process, &from, end, list, 1 + next_random() % 300);
        for (size_t i = 0; i < count; i++, at++, total++) {
            while (at < UNITS && !one->unit[at].units)
                at++;
            assert_true(at < UNITS);
            assert_int_equal(list[i].address, FIRST + at * UNIT);
            assert_int_equal(list[i].size, one->unit[at].units * UNIT);
            assert_int_equal(list[i].site, one->unit[at].site);
        }
    }
    assert_int_equal(from, end);
    while (at < UNITS && !one->unit[at].units)
        at++;
    assert_int_equal(at, UNITS);
    return total;
}

static void end(struct painted *one)
{
    one->process.ended = true;
    inherited_end(&one->process);
    inherited_close(&one->process);
}

/* Each process allocates, and frees its own and inherited blocks; a block that one frees stays live in the
 * others. */
static void test_families(void **unused)
{
    (void)unused;
    for (int round = 0; round < 20; round++) {
        struct painted *first = born(), *second, *third, *sibling;
        live(first, 1, 2000);
        second = forked(first, 2);
        sibling = forked(first, 2);
        live(second, 3, 1500);
        live(sibling, 3, 300);
        third = forked(second, 4);
        live(third, 5, 1500);
        assert_true(compare(first) > 100 && compare(second) > 100);
        compare(third);
        compare(sibling);
        for (int i = 0; i < 500; i++)
            make(second, 6), make(first, 6); /* blocks made after the fork belong to one process only */
        compare(first);
        compare(second);
        compare(third);
        compare(sibling);
        end(second); /* its table is kept for the third process */
        end(first);
        assert_non_null(first->process.blocks.regions);
        compare(third);
        compare(sibling);
        end(sibling);
        assert_non_null(first->process.blocks.regions);
        compare(third);
        end(third); /* the last of them: all tables are closed */
        assert_null(first->process.blocks.regions);
        assert_null(second->process.blocks.regions);
        assert_null(third->process.blocks.regions);
        free(first);
        free(second);
        free(third);
        free(sibling);
    }
}

/* What one process freed after the fork is not known any more; everything else must still be right. */
static void test_freed_by_the_other(void **unused)
{
    (void)unused;
    struct painted *first = born();
    struct block block = {FIRST, 64, 7, 1, 0}, other = {FIRST + 64, 64, 8, 1, 0}, list[4], old;
    blocks_put(&first->process.blocks, &block, &old);
    blocks_put(&first->process.blocks, &other, &old);
    struct painted *second = forked(first, 2);
    assert_true(blocks_take(&first->process.blocks, FIRST, &old));
    uint64_t from = FIRST;
    assert_int_equal(inherited_range(&second->process, &from, FIRST + 4096, list, 4), 1);
    assert_int_equal(list[0].site, 8);
    assert_int_equal(from, FIRST + 4096);
    end(first);
    end(second);
    free(first);
    free(second);
}

/* An endless chain of forks: the oldest tables are forgotten, so memory does not grow for ever. */
static void test_chain(void **unused)
{
    (void)unused;
    struct painted *chain[40] = {born()};
    live(chain[0], 1, 500);
    for (uint32_t i = 1; i < 40; i++) {
        chain[i] = forked(chain[i - 1], 2 * i);
        live(chain[i], 2 * i + 1, 50);
        if (i < 17)
            compare(chain[i]);
    }
    for (int i = 0; i < 40; i++)
        end(chain[i]);
    for (int i = 0; i < 40; i++) {
        assert_null(chain[i]->process.blocks.regions);
        free(chain[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_families),
        cmocka_unit_test(test_freed_by_the_other),
        cmocka_unit_test(test_chain),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
