/* trend.c - see trend.h. */
#include "trend.h"

#include <math.h>
#include <stdlib.h>

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

double trend_slope(const double *x, const double *y, size_t n)
{
    double median = 0;
    size_t count = 0;

    if (n < 2)
        return 0;
    double *slopes = malloc(n * (n - 1) / 2 * sizeof *slopes);

    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++)
            if (x[i] < x[k] || x[i] > x[k])
                slopes[count++] = (y[k] - y[i]) / (x[k] - x[i]);
    if (count > 0) {
        qsort(slopes, count, sizeof *slopes, ascending);
        median = count % 2 != 0 ? slopes[count / 2] : (slopes[count / 2 - 1] + slopes[count / 2]) / 2;
    }
    free(slopes);
    return median;
}

/* The part of the variance that groups of equal values take away. */
static double ties(const double *y, size_t n)
{
    double *sorted = malloc(n * sizeof *sorted), sum = 0;

    for (size_t i = 0; i < n; i++)
        sorted[i] = y[i];
    qsort(sorted, n, sizeof *sorted, ascending);
    for (size_t first = 0, end; first < n; first = end) {
        for (end = first + 1; end < n && sorted[end] <= sorted[first]; end++)
            ;
        double t = (double)(end - first);

        sum += t * (t - 1) * (2 * t + 5);
    }
    free(sorted);
    return sum;
}

struct trend_test trend_test(const double *y, size_t n)
{
    struct trend_test test = {0, 0, 1};
    double count = (double)n;

    if (n < 2)
        return test;
    for (size_t i = 0; i < n; i++)
        for (size_t k = i + 1; k < n; k++)
            test.s += (y[k] > y[i]) - (y[k] < y[i]);
    double variance = (count * (count - 1) * (2 * count + 5) - ties(y, n)) / 18;

    if (variance > 0 && (test.s > 0 || test.s < 0))
        test.z = (test.s - (test.s > 0 ? 1 : -1)) / sqrt(variance);
    if (variance > 0)
        test.p = erfc((test.s - 1) / sqrt(2 * variance)) / 2;
    return test;
}

double trend_fall(const double *y, size_t n)
{
    double highest = n > 0 ? y[0] : 0, most = 0;

    for (size_t i = 1; i < n; i++) {
        highest = y[i] > highest ? y[i] : highest;
        most = highest - y[i] > most ? highest - y[i] : most;
    }
    return most;
}

struct trend_waits trend_waits(const double *x, const double *y, size_t n, double step)
{
    struct trend_waits waits = {0, 0};
    size_t reached = 0;

    for (size_t i = 1; i < n; i++) {
        waits.last = x[i] - x[reached];
        if (y[i] < y[reached] + step)
            continue;
        waits.longest = waits.last > waits.longest ? waits.last : waits.longest;
        waits.last = 0;
        reached = i;
    }
    return waits;
}
