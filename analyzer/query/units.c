/* units.c - IEC units, thousands, percent. The same in every locale, so that outputs can be compared. */
#define _GNU_SOURCE
#include "units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static const char *const prefixes[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};

/* Three significant digits, which are easy to read: 9.16 MiB, 64.2 KiB, 512 B. */
static char *scaled(char *out, const char *sign, double value)
{
    unsigned unit = 0;

    while (value >= 1023.5 && unit < 6) {
        value /= 1024;
        unit++;
    }
    int digits = unit == 0 || value >= 99.95 ? 0 : value >= 9.995 ? 1 : 2;

    snprintf(out, UNITS_SIZE, "%s%.*f %s", sign, digits, value, prefixes[unit]);
    return out;
}

static char *grouped(char *out, const char *sign, double value)
{
    char digits[32];
    int n = snprintf(digits, sizeof digits, "%.0f", value);
    char *p = out + sprintf(out, "%s", sign);

    for (int i = 0; i < n; i++) {
        *p++ = digits[i];
        if ((n - i) % 3 == 1 && i + 1 < n)
            *p++ = ',';
    }
    *p = '\0';
    return out;
}

char *units_bytes(char *out, int64_t bytes, int plain)
{
    if (plain) {
        snprintf(out, UNITS_SIZE, "%lld", (long long)bytes);
        return out;
    }
    return scaled(out, bytes < 0 ? "-" : "", fabs((double)bytes));
}

char *units_bytes_signed(char *out, double bytes, int plain)
{
    const char *sign = bytes >= 0.5 ? "+" : bytes <= -0.5 ? "-" : "";

    if (plain) {
        snprintf(out, UNITS_SIZE, "%s%.0f", sign, fabs(bytes));
        return out;
    }
    return scaled(out, sign, fabs(bytes));
}

char *units_count(char *out, int64_t count)
{
    return grouped(out, count < 0 ? "-" : "", fabs((double)count));
}

char *units_count_signed(char *out, double count)
{
    return grouped(out, count >= 0.5 ? "+" : count <= -0.5 ? "-" : "", fabs(count));
}

char *units_measure(char *out, const struct store_measures *m, enum measure measure, int plain)
{
    static const char most[] = "<= ";
    const size_t n = sizeof most - 1;

    if (measures[measure].is_bytes)
        units_bytes(out, measure_value(m, measure), plain);
    else
        units_count(out, measure_value(m, measure));
    if (!measure_is_exact(m, measure)) {
        memmove(out + n, out, UNITS_SIZE - n);
        out[UNITS_SIZE - 1] = '\0';
        memcpy(out, most, n);
    }
    return out;
}

char *units_exit(char *out, int status)
{
    const char *name = status < 0 && status > -128 ? sigabbrev_np(-status) : NULL;

    if (name != NULL)
        snprintf(out, UNITS_SIZE, "SIG%s", name);
    else
        snprintf(out, UNITS_SIZE, "%d", status);
    return out;
}

char *units_percent(char *out, double part, double whole)
{
    if (whole == 0) {
        strcpy(out, "-");
        return out;
    }
    double percent = 100 * part / whole;

    if (percent != 0 && fabs(percent) < 0.05)
        snprintf(out, UNITS_SIZE, "%s0.1 %%", percent > 0 ? "<" : "-");
    else
        snprintf(out, UNITS_SIZE, "%.*f %%", fabs(percent) < 99.95 ? 1 : 0, percent);
    return out;
}

char *units_seconds(char *out, double seconds)
{
    if (seconds >= 2 * 86400)
        snprintf(out, UNITS_SIZE, "%.0f d %.0f h", floor(seconds / 86400),
                 floor(fmod(seconds, 86400) / 3600));
    else if (seconds >= 2 * 3600)
        snprintf(out, UNITS_SIZE, "%.0f h %.0f min", floor(seconds / 3600), floor(fmod(seconds, 3600) / 60));
    else if (seconds >= 60)
        snprintf(out, UNITS_SIZE, "%.0f min %.0f s", floor(seconds / 60), floor(fmod(seconds, 60)));
    else if (seconds >= 1)
        snprintf(out, UNITS_SIZE, seconds >= 9.995 ? "%.1f s" : "%.2f s", seconds);
    else if (seconds >= 0.001)
        snprintf(out, UNITS_SIZE, seconds >= 0.00995 ? "%.0f ms" : "%.1f ms", seconds * 1e3);
    else if (seconds > 0)
        snprintf(out, UNITS_SIZE, "%.0f us", seconds * 1e6);
    else
        strcpy(out, "0 s");
    return out;
}

char *units_moment(char *out, double seconds, double span)
{
    if (span <= 0 || seconds < 20 * span)
        return units_seconds(out, seconds);
    int decimals = (int)ceil(2 - log10(span)); /* shows differences of a hundredth of the span */

    snprintf(out, UNITS_SIZE, "%.*f s", decimals < 0 ? 0 : decimals > 9 ? 9 : decimals, seconds);
    return out;
}
