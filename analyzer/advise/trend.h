/* trend.h - whether a series of numbers rises, and how fast: nothing is assumed of how its values are spread, and some
 * that are far off do not matter.
 *
 * trend_slope   Theil (1950), "A rank-invariant method of linear and polynomial regression analysis"; Sen (1968),
 *               "Estimates of the regression coefficient based on Kendall's tau": the median of the slopes of all pairs.
 * trend_test    Mann (1945), "Nonparametric tests against trend"; Kendall (1975), "Rank correlation methods": of all
 *               pairs, how many more rise than fall. The variance with ties, and the continuity correction, are
 *               Gilbert's (1987, "Statistical methods for environmental pollution monitoring", chapter 16).
 */
#ifndef LIBTRACE_ADVISE_TREND_H
#define LIBTRACE_ADVISE_TREND_H

#include <stddef.h>

/* What the normal approximation of trend_test() takes at least. */
#define TREND_LEAST 8

struct trend_test {
    double s; /* pairs that rise, less those that fall */
    double z; /* s in standard deviations; 0 where all values are equal */
    double
        p; /* the probability of such a z or a higher one, if there is no trend: of rising, one-sided; 1 where all are equal */
};

/* The median slope; pairs with the same x are left out. 0 for fewer than two different x. x in any order.
 * Takes memory and time for n * (n - 1) / 2 pairs. */
double trend_slope(const double *x, const double *y, size_t n);

/* y in the order of time. */
struct trend_test trend_test(const double *y, size_t n);

/* The most that it ever fell from one value to a later one; 0 where it never did. */
double trend_fall(const double *y, size_t n);

/* How long, in x, it took to rise by another step, above all that was before: the longest, and how long ago the last one is. */
struct trend_waits {
    double longest, last;
};
struct trend_waits trend_waits(const double *x, const double *y, size_t n, double step);

#endif
