/* test_pending_frees.c - for how long a free waits for its allocation, and what is dropped when. */
#include "pending_frees.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
/* after the headers that it needs */
#include <cmocka.h>

struct given_up {
    uint64_t address[4];
    unsigned count;
};

static void give_up(void *data, uint64_t address)
{
    struct given_up *given_up = data;
    given_up->address[given_up->count++] = address;
}

/* A free that came in one sweep may belong to an allocation that is read in the next. */
static void waits_for_a_whole_sweep(void **unused)
{
    (void)unused;
    struct pending_frees *pending = NULL, *one = pending_make(&pending, 0x1000);
    struct given_up given_up = {0};
    one->waiting = 2;
    one->sweep = UINT32_MAX; /* the number of sweeps has no end */
    assert_int_equal(pending_expire(&pending, UINT32_MAX, false, give_up, &given_up), 0);
    assert_int_equal(pending_expire(&pending, 0, false, give_up, &given_up), 0);
    assert_ptr_equal(pending_find(pending, 0x1000), one);
    assert_int_equal(pending_expire(&pending, 1, false, give_up, &given_up), 2);
    assert_int_equal(given_up.count, 1);
    assert_int_equal(given_up.address[0], 0x1000);
    assert_null(pending);
}

/* A free that is owed is waited for without end: the allocation after it has been seen. */
static void owed_ones_stay(void **unused)
{
    (void)unused;
    struct pending_frees *pending = NULL, *one = pending_make(&pending, 0x1000);
    struct given_up given_up = {0};
    one->owed = 1;
    assert_int_equal(pending_expire(&pending, 1000, false, give_up, &given_up), 0);
    assert_ptr_equal(pending_find(pending, 0x1000), one);
    one->waiting = 1;
    one->sweep = 5;
    assert_int_equal(pending_expire(&pending, 7, false, give_up, &given_up), 1);
    assert_ptr_equal(pending_find(pending, 0x1000), one);
    pending_settle(&pending, one);
    assert_non_null(pending);
    one->owed = 0;
    pending_settle(&pending, one);
    assert_null(pending);
}

static void all_at_the_end(void **unused)
{
    (void)unused;
    struct pending_frees *pending = NULL;
    struct given_up given_up = {0};
    for (uint64_t address = 0x1000; address <= 0x3000; address += 0x1000) {
        struct pending_frees *one = pending_make(&pending, address);
        assert_ptr_equal(pending_make(&pending, address), one);
        one->owed = address != 0x1000;
        one->waiting = address != 0x3000;
        one->sweep = 8;
    }
    assert_null(pending_find(pending, 0x4000));
    assert_int_equal(pending_expire(&pending, 8, true, give_up, &given_up), 2);
    assert_int_equal(given_up.count, 2);
    assert_null(pending);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_for_a_whole_sweep),
        cmocka_unit_test(owed_ones_stay),
        cmocka_unit_test(all_at_the_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
