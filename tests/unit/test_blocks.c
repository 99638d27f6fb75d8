/* test_blocks.c - compares the block table with a plain array.
 *
 * LIBTRACE_BLOCKS_STEPS sets the number of random changes to each table. */
#include "blocks_private.h"
#include "random_numbers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "mapped_pages.h"

#define PLACES 300000 /* enough live blocks for the table to grow through all its sizes */

struct visited {
    size_t count;
    uint64_t bytes;
};

static void visit(void *data, const struct block *block)
{
    struct visited *visited = data;
    visited->count++;
    visited->bytes += block->size;
}

/* Lists the blocks in pieces of random sizes: they must be those of the array, in order. */
static void against_range(const struct blocks *blocks, const struct block *model, unsigned spacing)
{
    static struct block list[1000];
    const uint64_t first = 0x7f0000000000ull, end = first + (uint64_t)PLACES * spacing;
    size_t at = 0;
    for (uint64_t from = first, to; from < end;) {
        to = from + 1 + next_random() % 1000000;
        while (from < to) {
            size_t count = blocks_range(blocks, &from, to, list, 1 + next_random() % 1000);
            for (size_t i = 0; i < count; i++, at++) {
                while (at < PLACES && (model[at].site == 0 || model[at].address & 7))
                    at++;
                assert_true(at < PLACES);
                assert_memory_equal(&list[i], &model[at], offsetof(struct block, born));
                assert_true(list[i].address < to);
            }
        }
        assert_int_equal(from, to);
    }
    while (at < PLACES && (model[at].site == 0 || model[at].address & 7))
        at++;
    assert_int_equal(at, PLACES);
}

/* Random puts, moves and takes at addresses this far apart, now and then with a block that does not fit
 * into an entry. */
static void against_array(unsigned spacing, bool with_odd)
{
    struct blocks blocks;
    struct block *model = calloc(PLACES, sizeof *model), old;
    size_t live = 0;
    uint64_t bytes = 0;
    assert_true(blocks_open(&blocks));
    const char *wanted = getenv("LIBTRACE_BLOCKS_STEPS");
    int steps = wanted ? atoi(wanted) : 4000000;
    for (int i = 0; i < steps; i++) {
        uint64_t number = next_random();
        size_t at = number % PLACES;
        blocks_age(&blocks, (uint32_t)i);
        uint64_t address = 0x7f0000000000ull + at * spacing + (with_odd && at % 1000 == 7 ? 3 : 0);
        if (number >> 60 < 9 || i < PLACES) {
            struct block block = {address, number >> 20 & 0xffff, (number >> 8 & 0xffffff) | 1, (uint32_t)i,
                                  BLOCKS_BY(number >> 32)};
            if (with_odd && at % 1000 == 8)
                block.size += 5ull << 32;
            if (with_odd && at % 1000 == 9)
                block.site |= 1u << 31;
            int found = blocks_put(&blocks, &block, &old);
            assert_int_equal(found, model[at].site != 0);
            if (found) {
                assert_int_equal(old.size, model[at].size);
                assert_int_equal(old.site, model[at].site);
                live--;
                bytes -= old.size;
            }
            model[at] = block;
            live++;
            bytes += block.size;
        } else {
            struct block to = {address, 0, (uint32_t)(number >> 8) | 1, (uint32_t)i, BLOCKS_BY(number >> 32)};
            bool moves = number >> 60 < 11;
            bool found = moves ? blocks_move(&blocks, &to, &old) : blocks_take(&blocks, address, &old);
            assert_int_equal(found, model[at].site != 0);
            if (!found)
                continue;
            assert_memory_equal(&old, &model[at], offsetof(struct block, born));
            assert_int_equal(old.by, model[at].by);
            /* Times of birth lose low bits as the run gets older. */
            assert_in_range(model[at].born - old.born, 0, (1u << blocks.age_shift) - 1);
            live -= !moves;
            bytes -= moves ? 0 : old.size;
            model[at].site = moves ? to.site : 0;
            model[at].born = to.born;
            model[at].by = to.by;
        }
        assert_int_equal(blocks_count(&blocks), live);
    }
    struct visited visited = {0};
    blocks_each(&blocks, visit, &visited);
    assert_int_equal(visited.count, live);
    assert_int_equal(visited.bytes, bytes);
    against_range(&blocks, model, spacing);
    blocks_close(&blocks);
    free(model);
}

static void close_together(void **unused)
{
    (void)unused;
    against_array(16, false);
}

static void smallest(void **unused)
{
    (void)unused;
    against_array(8, true);
}

static void far_apart(void **unused)
{
    (void)unused;
    against_array(4112, false);
}

static void odd_ones(void **unused)
{
    (void)unused;
    against_array(32, true);
}

/* Blocks that are gone leave no memory behind, in a program that always uses new addresses. */
static void ever_new(uint64_t step, uint64_t bytes)
{
    struct blocks blocks;
    struct block old;
    uint64_t first = 0x7f0000000000ull, behind = 1000 * step, end = first + bytes;
    assert_true(blocks_open(&blocks));
    for (uint64_t at = first; at < end; at += step) {
        struct block block = {at, 64, 1, 1, 0};
        assert_int_equal(blocks_put(&blocks, &block, &old), 0);
        if (at >= first + behind)
            assert_true(blocks_take(&blocks, at - behind, &old));
    }
    assert_int_equal(blocks_count(&blocks), 1000);
    assert_in_range(blocks.leaf_bytes, 0, 2 << 20);
    struct visited visited = {0};
    blocks_each(&blocks, visit, &visited);
    assert_int_equal(visited.count, 1000);
    blocks_close(&blocks);
}

static void ever_new_addresses(void **unused)
{
    (void)unused;
    ever_new(80, 2ull << 30);
}

/* So close to each other that each piece is split. */
static void ever_new_splits(void **unused)
{
    (void)unused;
    ever_new(8, 32ull << 20);
}

static void moves(void **unused)
{
    (void)unused;
    struct blocks blocks;
    struct block block = {0x5000, 100, 7, 1, 0}, old;
    assert_true(blocks_open(&blocks));
    assert_int_equal(blocks_put(&blocks, &block, &old), 0);
    struct block to = {0x5000, 0, 9, 5, BLOCKS_BY(7)};
    assert_true(blocks_move(&blocks, &to, &old));
    assert_int_equal(old.site, 7);
    assert_true(blocks_take(&blocks, 0x5000, &old));
    assert_int_equal(old.site, 9);
    assert_int_equal(old.by, BLOCKS_BY(7));
    assert_int_equal(old.size, 100);
    assert_false(blocks_move(&blocks, &to, &old));
    blocks_close(&blocks);
}

/* Only the site changes, and only of the block that is meant; large blocks and sites are kept apart from the leaves. */
static void another_site(void **unused)
{
    static const uint64_t sizes[] = {24, 1u << 20}, addresses[] = {0x7f0000001000, 0x7f0000001004};
    static const uint32_t sites[] = {7, 1u << 25};
    struct blocks blocks = {0};
    (void)unused;
    assert_true(blocks_open(&blocks));
    for (unsigned i = 0; i < 16; i++) {
        const struct block made = {addresses[i & 1], sizes[i >> 1 & 1], sites[i >> 2 & 1], 99, BLOCKS_BY(5)};
        const struct block other_site = {made.address, made.size, 8, 0, 0},
                           other_size = {made.address, 25, made.site, 0, 0};
        uint32_t site = sites[i >> 3] + 1;
        struct block found;
        assert_false(blocks_resite(&blocks, &made, site));
        assert_int_equal(blocks_put(&blocks, &made, &found), 0);
        bool quick = made.address % 8 == 0 && made.size == sizes[0] && made.site == sites[0];
        assert_int_equal(blocks_peek_site(&blocks, made.address), quick ? made.site : 0);
        assert_int_equal(blocks_peek_site(&blocks, made.address + 8), 0);
        assert_false(blocks_resite(&blocks, &other_site, site));
        assert_false(blocks_resite(&blocks, &other_size, site));
        assert_true(blocks_resite(&blocks, &made, site));
        assert_true(blocks_take(&blocks, made.address, &found));
        assert_true(found.site == site && found.size == made.size && found.born == 99 && found.by == made.by);
        assert_int_equal(blocks_count(&blocks), 0);
    }
    blocks_close(&blocks);
}

/* Of each table, all of its regions. */
static void closed_tables_leave_nothing(void **unused)
{
    (void)unused;
    size_t before = 0;
    for (int i = 0; i < 20; i++) {
        struct blocks blocks;
        struct block old;
        assert_true(blocks_open(&blocks));
        for (uint64_t region = 0; region < 3; region++) {
            const struct block block = {0x7f0000000000 + (region << BLOCKS_REGION_SHIFT), 8, 1, 1, 0};
            assert_int_equal(blocks_put(&blocks, &block, &old), 0);
        }
        blocks_close(&blocks);
        before = i == 9 ? mapped_pages() : before;
    }
    assert_true(mapped_pages() < before + 1024);
}

/* Bytes of leaves that pieces take which get one block each, every second one from here on. */
static size_t taken_by(struct blocks *blocks, uint64_t first, unsigned pieces)
{
    struct block old;
    size_t before = blocks->taken_bytes;
    for (unsigned i = 0; i < pieces; i++) {
        const struct block block = {first + (2 * i << BLOCKS_PIECE_SHIFT), 8, 1, 1, 0};
        assert_int_equal(blocks_put(blocks, &block, &old), 0);
    }
    return blocks->taken_bytes - before;
}

/* Where blocks are close to each other, a piece begins with a larger leaf. */
static void neighbours_show_how_dense_it_is(void **unused)
{
    (void)unused;
    enum { PIECES = 3000, BLOCKS = 3 };
    const uint64_t dense = 0x7f0000000000, beside = dense + (1 << BLOCKS_PIECE_SHIFT),
                   far = dense + (1ull << 29);
    struct blocks blocks;
    assert_true(blocks_open(&blocks));
    for (unsigned k = 0; k < BLOCKS; k++)
        taken_by(&blocks, dense + 8 * k, PIECES);
    size_t alone = taken_by(&blocks, far, PIECES), with = taken_by(&blocks, beside, PIECES);
    assert_int_equal(with, 2 * alone);
    blocks_close(&blocks);
}

/* The smallest blocks of a leaf that is full are in order of their addresses, whichever came first, and one that comes later gets
 * the place of the one before it. */
static void smallest_are_in_order(void **unused)
{
    (void)unused;
    const uint64_t first = 0x7f0000000000;
    for (unsigned spacing = 8; spacing <= 16; spacing += 8) {
        unsigned count = (1u << BLOCKS_PIECE_SHIFT) / spacing;
        struct blocks blocks;
        struct block old;
        struct leaf *leaves[2];
        assert_true(blocks_open(&blocks));
        for (unsigned i = 0; i < 100; i++) {
            const struct block block = {first + (i < count ? i * 7 % count : next_random() % count) * spacing,
                                        8, 1, 1, 0};
            assert_int_equal(blocks_take(&blocks, block.address, &old), i >= count);
            assert_int_equal(blocks_put(&blocks, &block, &old), 0);
        }
        assert_int_equal(blocks_count(&blocks), count);
        unsigned halves = leaves_of(&blocks, *blocks_piece(&blocks, first), leaves);
        assert_int_equal(halves, 16 / spacing);
        for (unsigned i = 0; i < count; i++)
            assert_int_equal(leaves[i / LEAF_TAGS]->tag[i % LEAF_TAGS], leaf_tag(first + i * spacing));
        blocks_close(&blocks);
    }
}

static bool no_memory; /* for more leaves */
bool __real_grow_to(struct grow *array, size_t size);
bool __wrap_grow_to(struct grow *array, size_t size);
bool __wrap_grow_to(struct grow *array, size_t size)
{
    return !no_memory && __real_grow_to(array, size);
}

#define DENSE 210u /* pieces that are full, but for the last step */
#define FULL 14u   /* blocks in each of them */

static bool put(struct blocks *blocks, uint64_t piece, unsigned number)
{
    const struct block block = {0x7f0000000000 + piece * 256 + number * 8, 8, 1, 1, 0};
    struct block old;
    return blocks_put(blocks, &block, &old) == 0 && blocks_take(blocks, block.address, &old) &&
           blocks_put(blocks, &old, &old) == 0;
}

/* How many pieces can be split without more memory, and how many new ones have a place after that. */
static void split_without_memory(unsigned most, unsigned *splits, unsigned *pieces)
{
    struct blocks blocks;
    struct visited visited = {0};
    assert_true(blocks_open(&blocks));
    for (unsigned k = 0; k < FULL; k++) /* all at once, so that all smaller leaves are free then */
        for (unsigned i = 0; i < DENSE; i++)
            assert_true(put(&blocks, i, k));
    no_memory = true;
    for (*splits = 0; *splits < most;) {
        unsigned k = FULL;
        while (k < 32 && put(&blocks, *splits, k))
            k++;
        if (k < 32)
            break;
        ++*splits;
    }
    size_t count = blocks_count(&blocks);
    for (*pieces = 0; put(&blocks, 2 * DENSE + 2 * *pieces, 0);)
        ++*pieces;
    no_memory = false;
    blocks_each(&blocks, visit, &visited);
    assert_int_equal(visited.count, count + *pieces);
    for (unsigned i = 0; i < DENSE; i++)
        for (unsigned k = 0; k < 32; k++)
            put(&blocks, i, k);
    assert_int_equal(blocks_count(&blocks), DENSE * 32 + *pieces);
    blocks_close(&blocks);
}

/* What a split has taken is given back if it cannot have all. */
static void splits_without_memory(void **unused)
{
    (void)unused;
    unsigned splits, pieces, same, places;
    split_without_memory(DENSE, &splits, &pieces);
    print_message("%u pieces split, and %u more\n", splits, pieces);
    assert_true(splits < DENSE && pieces > 0);
    split_without_memory(splits, &same, &places);
    assert_int_equal(same, splits);
    assert_int_equal(pieces, places);
}

static bool no_block; /* the next call fails */
void *__real_malloc(size_t size);
void *__wrap_malloc(size_t size);
void *__wrap_malloc(size_t size)
{
    bool fails = no_block;
    no_block = false;
    return fails ? NULL : __real_malloc(size);
}

/* One that is kept apart from the leaves is not there if there is no memory for it. */
static void odd_without_memory(void **unused)
{
    (void)unused;
    struct blocks blocks;
    struct block large = {0x5000, 1u << 30, 7, 1, 0}, between = {0x6004, 8, 7, 1, 0}, old;
    assert_true(blocks_open(&blocks));
    for (int i = 0; i < 2; i++) {
        const struct block *block = i ? &between : &large;
        no_block = true;
        assert_int_equal(blocks_put(&blocks, block, &old), -1);
        no_block = false;
        assert_int_equal(blocks_count(&blocks), 0);
        assert_false(blocks_take(&blocks, block->address, &old));
        assert_int_equal(blocks_put(&blocks, block, &old), 0);
        assert_int_equal(blocks_count(&blocks), 1);
        assert_true(blocks_take(&blocks, block->address, &old));
        assert_int_equal(old.size, block->size);
    }
    blocks_close(&blocks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(close_together),
        cmocka_unit_test(smallest),
        cmocka_unit_test(far_apart),
        cmocka_unit_test(odd_ones),
        cmocka_unit_test(ever_new_addresses),
        cmocka_unit_test(ever_new_splits),
        cmocka_unit_test(moves),
        cmocka_unit_test(another_site),
        cmocka_unit_test(closed_tables_leave_nothing),
        cmocka_unit_test(neighbours_show_how_dense_it_is),
        cmocka_unit_test(smallest_are_in_order),
        cmocka_unit_test(splits_without_memory),
        cmocka_unit_test(odd_without_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
