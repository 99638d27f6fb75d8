/* test_samples.c - when the sites are sampled, and what is known about the time between. */
#include "samples.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define MS 1000000ull

static struct samples samples;
static struct ledger ledger;

static void add_sites(uint32_t count)
{
    while (ledger.count < count)
        assert_int_not_equal(ledger_add_site(&ledger, 0, 0, ledger.count + 1), 0);
}

static int begin(void **state)
{
    (void)state;
    memset(&samples, 0, sizeof samples);
    memset(&ledger, 0, sizeof ledger);
    return 0;
}

static int end(void **state)
{
    (void)state;
    struct grow *arrays[] = {&samples.rows, &samples.sampled, &samples.moments, &ledger.sites,
                             &ledger.written};
    for (size_t i = 0; i < sizeof arrays / sizeof arrays[0]; i++)
        grow_free(arrays[i]);
    return 0;
}

/* Changes one site all the time, and samples like the collector. */
static void run_until(uint64_t end_ns)
{
    for (uint64_t now_ns = 100000; now_ns < end_ns; now_ns += 100000) {
        ledger_site(&ledger, 1)->allocations++;
        samples.stirred = true;
        if (samples_due(&samples, now_ns))
            assert_true(samples_take(&samples, &ledger, now_ns, SAMPLES_BETWEEN));
    }
}

static const struct moment *moment(uint32_t i)
{
    return (const struct moment *)samples.moments.memory + i;
}

static void early_ones_are_close(void **state)
{
    (void)state;
    add_sites(10);
    run_until(10000 * MS);
    assert_true(moment(0)->t_ns <= 1 * MS);
    for (uint32_t i = 1; i < samples.moment_count; i++) {
        uint64_t before_ns = moment(i - 1)->t_ns, gap_ns = moment(i)->t_ns - before_ns;
        assert_true(gap_ns <= 2 * MS || gap_ns <= before_ns / 8 + MS);
        assert_true(gap_ns <= 251 * MS);
    }
    assert_true(samples.moment_count < 120);
}

/* Sampling takes a small part of the time, however many sites there are. */
static void many_sites_are_looked_at_seldom(void **state)
{
    (void)state;
    add_sites(100000);
    run_until(1000 * MS);
    assert_true(samples.moment_count <= 12);
}

/* Until something happens, the last sample remains valid. */
static void a_quiet_time_is_known(void **state)
{
    (void)state;
    add_sites(1);
    samples.stirred = true;
    ledger_site(&ledger, 1)->allocations = 1;
    assert_true(samples_take(&samples, &ledger, 5 * MS, SAMPLES_BETWEEN));
    samples_hold(&samples, 300 * MS);
    assert_int_equal(moment(0)->until_ns, 300 * MS);
    assert_false(samples_due(&samples, 10000 * MS)); /* nothing has changed */
    assert_true(samples_take(&samples, &ledger, 400 * MS, SAMPLES_SNAPSHOT));
    assert_int_equal(samples.moment_count, 1);
    assert_int_equal(moment(0)->until_ns, 400 * MS);
    samples.stirred = true;
    samples_hold(&samples, 500 * MS);
    assert_int_equal(moment(0)->until_ns, 400 * MS);
}

/* The number of rows is limited, but marks and snapshots are always written. */
static void rows_are_limited(void **state)
{
    (void)state;
    uint64_t rows = 0;
    add_sites(1000);
    for (uint64_t now_ns = MS; now_ns < 100000 * MS; now_ns += 10 * MS) {
        for (uint32_t i = 1; i <= ledger.count; i++)
            ledger_site(&ledger, i)->allocations++;
        samples.stirred = true;
        if (samples_due(&samples, now_ns))
            samples_take(&samples, &ledger, now_ns, SAMPLES_BETWEEN);
        rows += samples.count;
        samples.count = 0;
    }
    assert_true(rows > 10000 && rows <= 20000);
    assert_true(samples_take(&samples, &ledger, 100001 * MS, SAMPLES_SNAPSHOT));
    assert_true(samples_take(&samples, &ledger, 100002 * MS, SAMPLES_MARK));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(early_ones_are_close, begin, end),
        cmocka_unit_test_setup_teardown(many_sites_are_looked_at_seldom, begin, end),
        cmocka_unit_test_setup_teardown(a_quiet_time_is_known, begin, end),
        cmocka_unit_test_setup_teardown(rows_are_limited, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
