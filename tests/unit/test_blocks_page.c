/* test_blocks_page.c - the blocks of a page as the walk lists them, against what blocks_range() lists. */
#include "blocks_page.h"
#include "random_numbers.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define FIRST 0x7f003fff0000ull /* just below a region's end: some pages lie in the next one */
#define PAGES 1000
#define PAGE 4096

/* A page of which the list must end at its first large block, or be whole. */
static void compare(const struct blocks *blocks, uint64_t page)
{
    static struct page_blocks list;
    memset(&list, 0xff, sizeof list);
    blocks_page(blocks, page, &list);
    uint64_t from = page;
    unsigned count = 0;
    struct block block;
    while (from < page + PAGE && blocks_range(blocks, &from, page + PAGE, &block, 1) == 1) {
        if (block.size >= PAGE_BLOCK_LARGE) {
            assert_true(list.has_large);
            assert_int_equal(list.count, count);
            assert_int_equal(list.large.address, block.address);
            assert_int_equal(list.large.size, block.size);
            assert_int_equal(list.large.owner, block.site);
            return;
        }
        assert_true(count < list.count);
        assert_int_equal(page + list.at[count], block.address);
        assert_int_equal(list.size[count], block.size);
        assert_int_equal(list.owner[count], block.site);
        count++;
    }
    assert_false(list.has_large);
    assert_int_equal(list.count, count);
}

static uint64_t some_size(unsigned largest)
{
    static const uint64_t large[] = {4095, 4096, 65536, 65536 + 100, (1u << 18) - 1, 1u << 18, 5ull << 32};
    if (next_random() % 200 == 0)
        return large[next_random() % (sizeof large / sizeof *large)];
    return next_random() % (largest + 1);
}

/* Blocks at random places this far apart, in random order, some of which are freed again. */
static void at_places(unsigned spacing, unsigned full)
{
    struct blocks blocks;
    struct block old;
    uint64_t places = (uint64_t)PAGES * PAGE / spacing;
    assert_true(blocks_open(&blocks));
    for (uint64_t i = 0; i < places * full / 10; i++) {
        uint64_t address = FIRST + next_random() % places * spacing;
        uint32_t site = next_random() % 1000 ? (uint32_t)next_random() & 0x3fffff : UINT32_MAX;
        struct block block = {address, some_size(spacing), site, 7, 0};
        if (next_random() % 4 == 0)
            blocks_take(&blocks, address, &old);
        else
            assert_true(blocks_put(&blocks, &block, &old) >= 0);
    }
    for (int i = -3; i < PAGES + 3; i++)
        compare(&blocks, FIRST + (uint64_t)i * PAGE);
    blocks_close(&blocks);
}

static void of_any_density(void **unused)
{
    (void)unused;
    for (unsigned spacing = 8; spacing <= 4096; spacing *= 2)
        for (unsigned full = 1; full <= 40; full *= 3)
            at_places(spacing, full);
}

/* All blocks there can be, allocated one after the other, and from the last to the first. */
static void full(void **unused)
{
    (void)unused;
    for (int turn = 0; turn < 2; turn++) {
        struct blocks blocks;
        struct block old;
        assert_true(blocks_open(&blocks));
        for (uint64_t i = 0; i < PAGE_BLOCKS; i++) {
            uint64_t at = (turn ? PAGE_BLOCKS - 1 - i : i) * 8;
            struct block block = {FIRST + at, 8, (uint32_t)i + 1, 7, 0};
            assert_int_equal(blocks_put(&blocks, &block, &old), 0);
        }
        compare(&blocks, FIRST);
        blocks_close(&blocks);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(of_any_density), cmocka_unit_test(full)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
