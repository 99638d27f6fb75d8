/* test_table.c - the tables of Python code: they grow up to a limit, from which on they forget entries. */
#include "number_cache.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
/* after the headers that it needs */
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
    struct table table = {.most_bits = 8};
    for (uint32_t i = 0; i < 10000; i++)
        assert_true(table_put(&table, key_of(i), i + 1));
    assert_true(table_forgets(&table));
    assert_true(found(&table, 10000) <= TABLE_WAYS << 8);
    assert_int_equal(found(&table, 10000) + table.forgotten, 10000);
    table_clear(&table);
}

static void one_that_is_not_does_not(void **state)
{
    (void)state;
    struct table table = {.most_bits = 20};
    for (uint32_t i = 0; i < 300000; i++)
        assert_true(table_put(&table, key_of(i), i + 1));
    assert_false(table_forgets(&table));
    assert_int_equal(found(&table, 300000), 300000);
    assert_true(table_put(&table, key_of(7), 4711)); /* in place of the old one */
    assert_int_equal(table_get(&table, key_of(7)), 4711);
    assert_true(table_drop(&table, key_of(7)));
    assert_int_equal(table_get(&table, key_of(7)), 0);
    assert_false(table_drop(&table, key_of(7)));
    table_clear(&table);
    assert_int_equal(found(&table, 300000), 0);
}

/* ---- threads ---------------------------------------------------------------------------------------- */

#define KEYS 3000u
#define ROUNDS 30

static struct table shared;
static _Atomic uint32_t put; /* keys below have been put */

/* Each third key dies as soon as it is there, while the table grows: it never comes back. */
static void *drop_some(void *unused)
{
    uintptr_t back = 0;
    for (uint32_t i = 0; i < KEYS; i += 3) {
        while (atomic_load(&put) <= i) {
        }
        table_drop(&shared, key_of(i));
        back += table_get(&shared, key_of(i)) != 0;
    }
    (void)unused;
    return (void *)back;
}

/* What is read is right, or nothing. */
static void *read_all(void *unused)
{
    uintptr_t wrong = 0;
    do {
        for (uint32_t i = 0; i < KEYS; i++) {
            uint32_t value = table_get(&shared, key_of(i));
            wrong += value != 0 && value != i + 1;
        }
    } while (atomic_load(&put) < KEYS);
    (void)unused;
    return (void *)wrong;
}

static void others_read_and_drop_while_it_grows(void **state)
{
    (void)state;
    for (int round = 0; round < ROUNDS; round++) {
        pthread_t dropper, reader;
        void *back, *wrong;
        shared = (struct table){.most_bits = 12};
        atomic_store(&put, 0);
        assert_int_equal(pthread_create(&dropper, NULL, drop_some, NULL), 0);
        assert_int_equal(pthread_create(&reader, NULL, read_all, NULL), 0);
        for (uint32_t i = 0; i < KEYS; i++) {
            assert_true(table_put(&shared, key_of(i), i + 1));
            atomic_store(&put, i + 1);
        }
        pthread_join(dropper, &back);
        pthread_join(reader, &wrong);
        assert_null(back);
        assert_null(wrong);
        for (uint32_t i = 0; i < KEYS; i++)
            assert_int_equal(table_get(&shared, key_of(i)), i % 3 ? i + 1 : 0);
        table_clear(&shared);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_that_is_full_forgets),
        cmocka_unit_test(one_that_is_not_does_not),
        cmocka_unit_test(others_read_and_drop_while_it_grows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
