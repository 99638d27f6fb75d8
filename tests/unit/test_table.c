/* test_table.c - the tables of Python code: one that forgets entries, and one that grows. */
#include "number_cache.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

/* Distinct keys, distributed like hashes. */
static uint64_t key_of(uint32_t i)
{
    return (i + 1ull) * 0xff51afd7ed558ccdull;
}

static uint32_t found(const struct table *table, uint32_t count)
{
    uint32_t right = 0;
    for (uint32_t i = 0; i < count; i++)
        right += table_get(table, key_of(i)) == i + 1;
    return right;
}

static void one_that_is_full_forgets(void **state)
{
    (void)state;
    struct table table = {.bits = 10};
    for (uint32_t i = 0; i < 10000; i++)
        assert_true(table_put(&table, key_of(i), i + 1));
    assert_true(table_forgets(&table));
    assert_true(found(&table, 10000) <= TABLE_WAYS << 10);
    table_clear(&table);
}

static void one_that_grows_does_not(void **state)
{
    (void)state;
    struct table table = {.bits = 4};
    for (uint32_t i = 0; i < 300000; i++)
        assert_true(table_put_growing(&table, key_of(i), i + 1, 20));
    assert_false(table_forgets(&table));
    assert_int_equal(found(&table, 300000), 300000);
    assert_true(table_put_growing(&table, key_of(7), 4711, 20)); /* in place of the old table */
    assert_int_equal(table_get(&table, key_of(7)), 4711);
    assert_true(table_drop(&table, key_of(7)));
    assert_int_equal(table_get(&table, key_of(7)), 0);
    table_clear(&table);
    assert_int_equal(found(&table, 300000), 0);
}

static void there_is_an_end_to_it(void **state)
{
    (void)state;
    struct table table = {.bits = 4};
    for (uint32_t i = 0; i < 10000; i++)
        assert_true(table_put_growing(&table, key_of(i), i + 1, 8));
    assert_int_equal(table.bits, 8);
    assert_true(table_forgets(&table));
    table_clear(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_is_full_forgets),
        cmocka_unit_test(one_that_grows_does_not),
        cmocka_unit_test(there_is_an_end_to_it),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
