/* test_repeats.c - which blocks of a sample are equal, and what that says of all: never too much on average. */
#include "content_counts.h"
#include "random_numbers.h"
#include "repeats.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_hash(void **state)
{
    unsigned char bytes[64] = {0}, other[64];
    (void)state;
    for (size_t size = 0; size < sizeof bytes; size++)
        assert_int_equal(content_hash(bytes, size), 0);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)(i + 1);
    for (size_t i = 0; i < sizeof bytes; i++) {
        memcpy(other, bytes, sizeof bytes);
        assert_int_equal(content_hash(bytes, 64), content_hash(other, 64));
        other[i] ^= 1;
        assert_int_not_equal(content_hash(bytes, 64), content_hash(other, 64));
        assert_int_equal(content_hash(bytes, i), content_hash(other, i)); /* what is behind does not count */
        assert_int_not_equal(content_hash(bytes, i), content_hash(bytes, i + 1));
    }
}

/* Sites, sizes and hashes decide; a block that is there twice is one; those of zeroes are alone. */
static void test_count(void **state)
{
    struct content_key keys[] = {{2, 8, 5, 0x10},  {1, 8, 5, 0x20},  {1, 8, 5, 0x30}, {1, 16, 5, 0x40},
                                 {1, 8, 0, 0x50},  {1, 8, 0, 0x60},  {1, 8, 5, 0x20}, {1, 16, 7, 0x70},
                                 {1, 16, 7, 0x80}, {1, 16, 7, 0x90}, {2, 8, 5, 0x10}};
    const size_t count = sizeof keys / sizeof keys[0];
    struct content_counts counts;
    (void)state;
    qsort(keys, count, sizeof keys[0], content_order);
    assert_int_equal(content_count(keys, sizeof keys[0], count, &counts), 9);
    assert_int_equal(counts.blocks, 8);
    assert_int_equal(counts.bytes, 4 * 8 + 4 * 16);
    assert_int_equal(counts.alone, 3);
    assert_int_equal(counts.alone_bytes, 2 * 8 + 16);
    assert_int_equal(counts.contents, 2);
    assert_int_equal(counts.contents_bytes, 8 + 16);
    assert_int_equal(content_count(keys + 9, sizeof keys[0], 2, &counts), 2);
    assert_int_equal(counts.blocks, 1);
    assert_int_equal(counts.alone, 1);
}

#define ALL 4000

/* Looks at some of blocks with contents 1 to kinds, equally frequent or (skewed) half of them 1. */
static double look(uint32_t kinds, int skewed, size_t some, double *variance)
{
    static struct content_key keys[ALL];
    struct content_counts counts;
    for (uint32_t i = 0; i < ALL; i++)
        keys[i] = (struct content_key){1, 8, (skewed && i % 2 ? 0 : i / (1u + (unsigned)skewed) % kinds) + 1,
                                       i + 1};
    for (size_t i = 0; i < some; i++) {
        size_t other = i + (size_t)(next_random() % (ALL - i));
        struct content_key key = keys[i];
        keys[i] = keys[other];
        keys[other] = key;
    }
    qsort(keys, some, sizeof keys[0], content_order);
    content_count(keys, sizeof keys[0], some, &counts);
    const struct repeats repeats = {.blocks = counts.blocks,
                                    .bytes = (double)counts.bytes,
                                    .alone = counts.alone,
                                    .alone_bytes = (double)counts.alone_bytes,
                                    .contents_bytes = (double)counts.contents_bytes,
                                    .all = ALL};
    *variance = repeats_variance(&repeats);
    return repeats_share(&repeats);
}

static void test_estimate(void **state)
{
    static const struct {
        uint32_t kinds;
        int skewed;
    } cases[] = {{1, 0}, {20, 0}, {200, 0}, {1000, 0}, {2000, 0}, {4000, 0}, {20, 1}, {2000, 1}};
    (void)state;
    for (size_t c = 0; c < sizeof cases / sizeof cases[0]; c++) {
        const uint32_t kinds = cases[c].kinds;
        double real = 1 - (double)kinds / ALL;
        for (size_t some = 100; some <= ALL; some = some == 100 ? 1000 : some + 3000) {
            double sum = 0, variance;
            int too_much = 0;
            for (int round = 0; round < 200; round++) {
                double share = look(kinds, cases[c].skewed, some, &variance);
                sum += share;
                too_much += share > real + 2.5 * __builtin_sqrt(variance);
            }
            assert_true(sum / 200 <= real + 0.01);
            assert_true(too_much <= 4);
            if (kinds <= 20 || some == ALL)
                assert_true(sum / 200 >= 0.9 * real - 1e-9);
        }
    }
}

/* What a stranger's file may say. */
static void test_nonsense(void **state)
{
    static const struct repeats nonsense[] = {{0, 0, 0, 0, 0, 0},
                                              {-1, -1, -1, -1, -1, -1},
                                              {10, 100, 0, -1e300, 0, 0},
                                              {10, 100, 0, 1e300, 1e300, 1},
                                              {1e300, 1e-300, 1e300, 0, 1e300, 1}};
    (void)state;
    for (size_t i = 0; i < sizeof nonsense / sizeof nonsense[0]; i++) {
        double share = repeats_share(&nonsense[i]), variance = repeats_variance(&nonsense[i]);
        assert_true(share >= 0 && share <= 1 && variance >= 0 && variance <= 1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_hash), cmocka_unit_test(test_count),
                                       cmocka_unit_test(test_estimate), cmocka_unit_test(test_nonsense)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
