/* histograms.c - class 0 is value 0; class k is from 2^(k-1) to below 2^k. */
#define _GNU_SOURCE
#include "histograms.h"
#include "by_line.h"
#include "sampling.h"
#include "sampling_rule.h"
#include "units.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define BAR 32 /* columns of the longest bar if the width is not known */
#define BAR_MOST 64
#define BESIDE 50        /* columns of a row besides its bar, */
#define ERROR_COLUMNS 11 /* and for an error */

/* ---- reading --------------------------------------------------------------------------------- */

static unsigned size_class(int64_t size)
{
    unsigned class = 0;

    while (class < STORE_HISTOGRAM_CLASSES - 1 && (uint64_t)size >> class != 0)
        class ++;
    return class;
}

#define COLUMNS "allocations, bytes, live_allocations, smallest, largest, sizes, lifetimes"
enum {
    ALLOCATIONS,
    BYTES,
    LIVE,
    SMALLEST,
    LARGEST,
    SIZES,
    LIFETIMES,
    START,
    SEEN,
    LOOKS
}; /* a site's columns */

const char *histograms_columns(const struct run *run)
{
    return run->divided ? COLUMNS ", start, seen, looks" : COLUMNS ", 0, 0, 0";
}

/* Of a site that was divided: what is left to this part, as with its measures. */
static void divide(sqlite3_stmt *s, int first, uint64_t *counts)
{
    uint64_t start = (uint64_t)sqlite3_column_int64(s, first + START),
             end = start + (uint64_t)sqlite3_column_int64(s, first + SEEN),
             looks = (uint64_t)sqlite3_column_int64(s, first + LOOKS);

    for (int i = 0; looks > 0 && i < STORE_HISTOGRAM_CLASSES; i++)
        counts[i] = counts[i] * end / looks - counts[i] * start / looks;
}

/* False, with all counts 0, if there is no histogram. */
static int decode(sqlite3_stmt *s, int first, int column, uint64_t *counts, uint64_t *sum)
{
    column += first;
    int found = sqlite3_column_type(s, column) == SQLITE_BLOB;

    if (!found || store_histogram_decode(sqlite3_column_blob(s, column),
                                         (size_t)sqlite3_column_bytes(s, column), counts) != 0)
        memset(counts, 0, STORE_HISTOGRAM_CLASSES * sizeof *counts);
    divide(s, first, counts);
    for (int i = 0; found && i < STORE_HISTOGRAM_CLASSES; i++)
        sum[i] += counts[i];
    return found;
}

/* A site whose blocks are all of one class has no stored histogram of sizes. */
void histograms_add(struct histograms *h, sqlite3_stmt *s, int first,
                    uint64_t lifetimes[STORE_HISTOGRAM_CLASSES])
{
    int64_t allocations = sqlite3_column_int64(s, first + ALLOCATIONS),
            smallest = sqlite3_column_int64(s, first + SMALLEST),
            largest = sqlite3_column_int64(s, first + LARGEST);
    uint64_t counts[STORE_HISTOGRAM_CLASSES];

    if (allocations > 0) {
        h->smallest = h->allocations == 0 || smallest < h->smallest ? smallest : h->smallest;
        h->largest = largest > h->largest ? largest : h->largest;
    }
    h->allocations = (int64_t)((uint64_t)h->allocations + (uint64_t)allocations);
    h->bytes = (int64_t)((uint64_t)h->bytes + (uint64_t)sqlite3_column_int64(s, first + BYTES));
    h->freed = (int64_t)((uint64_t)h->freed + (uint64_t)allocations -
                         (uint64_t)sqlite3_column_int64(s, first + LIVE));
    if (!decode(s, first, SIZES, counts, h->sizes))
        h->sizes[size_class(largest)] += (uint64_t)allocations;
    decode(s, first, LIFETIMES, lifetimes != NULL ? lifetimes : counts, h->lifetimes);
}

int histograms_read(const struct report *report, const struct run *run, const struct filter *filter,
                    struct histograms *histograms)
{
    static const char named[] =
        "(SELECT s.*, l.file AS file, " LINES_INNERMOST ", coalesce(l.language, 'native') AS language FROM "
        "(SELECT *, %s AS charged FROM %s WHERE run = ?1) AS s LEFT JOIN line AS l ON l.run = s.run AND "
        "l.id = s.charged)";
    char *from = sqlite3_mprintf(named, filter_sql_charge(filter), window_sites(run));
    char *sql = sqlite3_mprintf("SELECT %s FROM %s AS s WHERE run = ?1 AND %s AND %s",
                                histograms_columns(run), filter_has_names(filter) ? from : window_sites(run),
                                filter_sql_site(filter), filter_sql_line(filter));
    sqlite3_stmt *s = report_prepare_text(report, sql);
    int status = EXIT_FINE;

    sqlite3_free(from);
    *histograms = (struct histograms){0};
    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, run->number);
    while (report_step(report, s, &status))
        histograms_add(histograms, s, 0, NULL);
    sqlite3_finalize(s);
    return status;
}

/* ---- errors ---------------------------------------------------------------------------------- */

void histograms_variances(const struct histograms *h, const struct run *run, struct histograms_variances *v)
{
    uint64_t interval = (uint64_t)run->sampling.interval;
    double blocks = 0;

    *v = (struct histograms_variances){0};
    for (int i = 0; sampling_is_on(run) && i < STORE_HISTOGRAM_CLASSES; i++) {
        uint64_t smallest = i == 0 ? 0 : 1ull << (i - 1);

        v->sizes[i] = (double)h->sizes[i] * (double)(sampling_weight(smallest, interval) - 1);
        v->allocations += v->sizes[i];
        blocks += (double)h->sizes[i];
    }
    for (int i = 0; blocks > 0 && i < STORE_HISTOGRAM_CLASSES; i++)
        v->lifetimes[i] = (double)h->lifetimes[i] * v->allocations / blocks;
}

/* ---- showing --------------------------------------------------------------------------------- */

typedef char *print_limit(const struct report *report, char *out, int class);

/* The lower bound of a class: 16 B, 4 KiB. */
static char *size_limit(const struct report *report, char *out, int class)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    int exponent = class - 1;

    if (class == 0)
        strcpy(out, report->bytes ? "0" : "0 B");
    else if (report->bytes && exponent < 63)
        snprintf(out, UNITS_SIZE, "%lld", 1ll << exponent);
    else
        snprintf(out, UNITS_SIZE, "%d %s", 1 << exponent % 10, units[exponent / 10]);
    return out;
}

static char *time_limit(const struct report *report, char *out, int class)
{
    (void)report;
    return units_seconds(out, class == 0 ? 0 : (double)(1ull << (class - 1)) * HISTOGRAMS_TICK_S);
}

/* more: columns of the row besides the usual ones. */
static void print_bar(const struct report *report, int more, uint64_t count, uint64_t most)
{
    int room = report->width > 0 ? report->width - BESIDE - more : BAR;
    int bar = room > BAR_MOST ? BAR_MOST : room < 8 ? 8 : room;

    bar = (int)((double)count * bar / (double)most + 0.5);
    if (bar == 0)
        fputs(report->ascii ? "." : "\xe2\x96\x8f", stdout); /* a small value must not look like none */
    for (int i = 0; i < bar; i++)
        fputs(report->ascii ? "#" : "\xe2\x96\x87", stdout);
}

/* single: the first two classes hold one value each, 0 and 1. variances: NULL for an exact run. */
static void print_classes(const struct report *report, const char *title, const uint64_t *counts,
                          const double *variances, print_limit *limit, int single)
{
    char error[UNITS_SIZE], count[UNITS_SIZE], share[UNITS_SIZE], low[UNITS_SIZE], high[UNITS_SIZE],
        range[UNITS_SIZE + 8];
    uint64_t most = 0;
    double sum = 0;

    for (int i = 0; i < STORE_HISTOGRAM_CLASSES; i++) {
        most = counts[i] > most ? counts[i] : most;
        sum += (double)counts[i];
    }
    if (most == 0)
        return;
    printf("\n%s%s%s\n", report_color(report, "bold"), title, report_color(report, "reset"));
    for (int i = 0; i < STORE_HISTOGRAM_CLASSES; i++) {
        if (counts[i] == 0)
            continue;
        limit(report, low, i);
        if (single && i < 2)
            strcpy(range, "");
        else if (i < STORE_HISTOGRAM_CLASSES - 1)
            snprintf(range, sizeof range, "to < %s", limit(report, high, i + 1));
        else
            strcpy(range, "and more");
        printf("%8s %-15s  %13s", low, range, units_count(count, (int64_t)counts[i]));
        if (variances != NULL)
            printf("  %-*s", ERROR_COLUMNS, variances_text_of(error, variances[i], 0, report->bytes));
        printf("  %7s  ", units_percent(share, (double)counts[i], sum));
        print_bar(report, variances != NULL ? ERROR_COLUMNS + 2 : 0, counts[i], most);
        putchar('\n');
    }
}

void histograms_print_sizes(const struct report *report, const struct run *run,
                            const struct histograms *histograms)
{
    struct histograms_variances v;

    histograms_variances(histograms, run, &v);
    print_classes(report, "Sizes of allocations", histograms->sizes, sampling_is_on(run) ? v.sizes : NULL,
                  size_limit, 1);
}

void histograms_print_lifetimes(const struct report *report, const struct run *run,
                                const struct histograms *histograms)
{
    struct histograms_variances v;

    histograms_variances(histograms, run, &v);
    print_classes(report, "Lifetimes of freed blocks", histograms->lifetimes,
                  sampling_is_on(run) ? v.lifetimes : NULL, time_limit, 0);
}

void histograms_json_sizes(struct json *json, const struct run *run, const struct histograms *histograms)
{
    struct histograms_variances v;

    histograms_variances(histograms, run, &v);
    json_array(json, "sizes");
    for (int i = 0; i < STORE_HISTOGRAM_CLASSES; i++) {
        if (histograms->sizes[i] == 0)
            continue;
        json_object(json, NULL);
        json_number(json, "from", i == 0 ? 0 : i < 64 ? 1ll << (i - 1) : INT64_MAX);
        json_number(json, "to", i < 63 ? (1ll << i) - 1 : INT64_MAX);
        json_number(json, "allocations", (int64_t)histograms->sizes[i]);
        if (sampling_is_on(run))
            json_number(json, "allocations_error", llround(sqrt(v.sizes[i])));
        json_close(json);
    }
    json_close(json);
}

void histograms_json_lifetimes(struct json *json, const struct run *run, const struct histograms *histograms)
{
    struct histograms_variances v;

    histograms_variances(histograms, run, &v);
    json_array(json, "lifetimes");
    for (int i = 0; i < STORE_HISTOGRAM_CLASSES; i++) {
        if (histograms->lifetimes[i] == 0)
            continue;
        json_object(json, NULL);
        json_real(json, "from_s", i == 0 ? 0 : (double)(1ull << (i - 1)) * HISTOGRAMS_TICK_S);
        json_real(json, "below_s", i < 64 ? (double)(1ull << i) * HISTOGRAMS_TICK_S : INFINITY);
        json_number(json, "blocks", (int64_t)histograms->lifetimes[i]);
        if (sampling_is_on(run))
            json_number(json, "blocks_error", llround(sqrt(v.lifetimes[i])));
        json_close(json);
    }
    json_close(json);
}
