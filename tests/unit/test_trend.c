/* test_trend.c - Theil and Sen's slope and Mann and Kendall's test against published examples, and against the exact
 * distribution. */
#include "trend.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <math.h>

static void assert_near(double value, double wanted, double by)
{
    if (!(fabs(value - wanted) <= by))
        fail_msg("%.9g is not %.9g", value, wanted);
}

/* Hollander and Wolfe, "Nonparametric statistical methods" (1973), example 9.1: the effect of seeding clouds. */
static void slope_of_a_book(void **state)
{
    const double x[] = {1, 2, 3, 4, 5}, y[] = {1.26, 1.27, 1.12, 1.16, 1.03};

    (void)state;
    assert_near(trend_slope(x, y, 5), -0.05625, 1e-12);
}

static void slopes(void **state)
{
    const double x[] = {0, 1, 2, 3, 4, 5, 6}, wild[] = {0, 2, 4, 1000, 8, 10, 12},
                 odd[] = {0, 0, 0, 1, 1, 1, 1}, same[] = {3, 3, 3};

    (void)state;
    assert_near(trend_slope(x, wild, 7), 2, 1e-12); /* one that is far off does not matter */
    assert_near(trend_slope(odd, x, 7), 4.5 - 1, 1e-12);
    assert_near(trend_slope(same, x, 3), 0, 0);
    assert_near(trend_slope(x, x, 1), 0, 0);
    assert_near(trend_slope(x, x, 0), 0, 0);
}

/* Gilbert, "Statistical methods for environmental pollution monitoring" (1987), section 16.4: 10, 15, 14, 20. */
static void test_of_a_book(void **state)
{
    const double y[] = {10, 15, 14, 20};
    const struct trend_test test = trend_test(y, 4);

    (void)state;
    assert_near(test.s, 4, 0);
    assert_near(test.z, 3 / sqrt(4.0 * 3 * 13 / 18), 1e-12);
}

static void ties(void **state)
{
    const double y[] = {1, 1, 2, 2, 2, 3, 4, 5, 5}; /* groups of 2, 3 and 2 */
    const struct trend_test test = trend_test(y, 9);
    const double variance = (9.0 * 8 * 23 - 2 * 1 * 9 - 3 * 2 * 11 - 2 * 1 * 9) / 18;

    (void)state;
    assert_near(test.s, 36 - 1 - 3 - 1, 0);
    assert_near(test.z, (31 - 1) / sqrt(variance), 1e-12);
}

static void flat_and_falling(void **state)
{
    const double flat[] = {7, 7, 7, 7, 7, 7, 7, 7}, falls[] = {9, 8, 7, 6, 5, 4, 3, 2};

    (void)state;
    assert_near(trend_test(flat, 8).p, 1, 0);
    assert_near(trend_test(flat, 8).z, 0, 0);
    assert_true(trend_test(falls, 8).p > 0.999);
    assert_near(trend_test(falls, 1).p, 1, 0);
}

/* Of all orders of n values without a trend, those with so many rising pairs or more: counted one value after the other,
 * as each new one has 0 to n - 1 smaller ones before it. */
static void exact(void **state)
{
    enum { MOST = 12, PAIRS = MOST * (MOST - 1) / 2 };
    double orders[PAIRS + 1] = {1}, all = 1, y[MOST];

    (void)state;
    for (int n = 2; n <= MOST; n++) {
        double next[PAIRS + 1] = {0};

        for (int i = 0; i <= PAIRS; i++)
            for (int k = 0; k < n && i + k <= PAIRS; k++)
                next[i + k] += orders[i];
        for (int i = 0; i <= PAIRS; i++)
            orders[i] = next[i];
        all *= n;
        if (n < TREND_LEAST)
            continue;
        /* An order with so many rising pairs: the last value moves down, then the one before it. */
        for (int rising = 0, pairs = n * (n - 1) / 2; rising <= pairs; rising++) {
            double as_high = 0, used[MOST];
            int left = rising;

            for (int i = rising; i <= pairs; i++)
                as_high += orders[i];
            for (int i = n - 1; i >= 0; i--) { /* value i has so many smaller ones before it */
                used[i] = left < i ? left : i;
                left -= (int)used[i];
            }
            for (int i = 0; i < n; i++) {
                y[i] = used[i] + 0.5;
                for (int k = 0; k < i; k++)
                    y[k] += y[k] >= used[i] + 0.5 ? 1 : 0;
                for (int k = 0; k < i; k++)
                    y[k] = floor(y[k]) + 0.5;
            }
            const struct trend_test test = trend_test(y, (size_t)n);

            assert_near(test.s, 2 * rising - pairs, 0);
            assert_near(test.p, as_high / all, 0.008);
        }
    }
}

static void falls(void **state)
{
    const double y[] = {1, 4, 2, 7, 6, 3, 9, 8}, rising[] = {1, 2, 2, 5};

    (void)state;
    assert_near(trend_fall(y, 8), 7 - 3, 0);
    assert_near(trend_fall(y, 4), 4 - 2, 0);
    assert_near(trend_fall(rising, 4), 0, 0);
    assert_near(trend_fall(y, 0), 0, 0);
}

static void waits(void **state)
{
    const double x[] = {0, 1, 2, 4, 8, 9, 12, 13}, y[] = {0, 10, 11, 15, 20, 31, 25, 40}, flat[] = {5, 5, 5};
    const struct trend_waits all = trend_waits(x, y, 8, 10), some = trend_waits(x, y, 7, 10),
                             none = trend_waits(x, flat, 3, 10), nothing = trend_waits(x, y, 0, 10);

    (void)state;
    assert_near(all.longest, 8 - 1, 0); /* from 10 to 20; 31 is the next, and 25 is none */
    assert_near(all.last, 13 - 9, 0);   /* 41 was not reached */
    assert_near(some.longest, 8 - 1, 0);
    assert_near(some.last, 12 - 9, 0);
    assert_near(none.longest, 0, 0);
    assert_near(none.last, 2, 0);
    assert_near(nothing.longest + nothing.last, 0, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(slope_of_a_book),
                                       cmocka_unit_test(slopes),
                                       cmocka_unit_test(test_of_a_book),
                                       cmocka_unit_test(ties),
                                       cmocka_unit_test(flat_and_falling),
                                       cmocka_unit_test(exact),
                                       cmocka_unit_test(falls),
                                       cmocka_unit_test(waits)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
