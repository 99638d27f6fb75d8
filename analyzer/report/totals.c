/* totals.c - compares runs by nine numbers; several runs of a label by their mean. Of one sampled run, what is shown
 * behind a number is its standard error, where that of several would be their spread. */
#define _GNU_SOURCE
#include "totals.h"
#include "table.h"
#include "text.h"
#include "units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double resident(const struct run *run)
{
    return (double)run->t.peak_rss_bytes;
}

static double wall(const struct run *run)
{
    return (double)run->t.wall_ns / 1e9;
}

/* A measure, or a number that is known for whole runs only. */
static const struct total {
    double (*value)(const struct run *run); /* NULL = a measure */
    enum measure measure;
    int kind;
    const char *title, *key;
} totals[] = {
    {.measure = MEASURE_peak_bytes},
    {.measure = MEASURE_peak_allocations},
    {.measure = MEASURE_bytes},
    {.measure = MEASURE_allocations},
    {.measure = MEASURE_temporary},
    {.measure = MEASURE_live_bytes},
    {.measure = MEASURE_live_allocations},
    {resident, 0, TOTAL_BYTES, "resident at most", "peak_rss_bytes"},
    {wall, 0, TOTAL_SECONDS, "wall time", "wall_s"},
};
#define TOTALS (sizeof totals / sizeof totals[0])
#define TOTALS_OF_LINES (TOTALS - 2)

static const char *key_of(const struct total *total)
{
    return total->value != NULL ? total->key : measures[total->measure].name;
}

static int kind_of(const struct total *total)
{
    return total->value != NULL ? total->kind : measures[total->measure].is_bytes ? TOTAL_BYTES : TOTAL_COUNT;
}

/* unfreed: for some run, less is live at its end than its processes never freed. */
static const char *title_of(const struct total *total, int unfreed)
{
    const struct measure_row *measure = &measures[total->measure];

    return total->value != NULL                         ? total->title
           : unfreed && measure->called_unfreed != NULL ? measure->called_unfreed
                                                        : measure->called;
}

static double value_of(const struct total *total, const struct run *run)
{
    return total->value != NULL ? total->value(run) : (double)measure_value(&run->t.m, total->measure);
}

static size_t totals_known(int whole)
{
    return whole ? TOTALS : TOTALS_OF_LINES;
}

/* For a part of a run the peak may not be known: then its two rows, the first ones, are left out. */
static size_t first_total(const struct compared *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < all[i].side.count; k++)
            if (all[i].side.runs[k].t.m.peak_bytes < 0)
                return 2;
    return 0;
}

static double mean(const struct side *side, const struct total *total)
{
    double sum = 0;

    for (size_t i = 0; i < side->count; i++)
        sum += value_of(total, &side->runs[i]);
    return sum / (double)side->count;
}

static double spread(const struct side *side, const struct total *total)
{
    double m = mean(side, total), squares = 0;

    if (side->count < 2)
        return 0;
    for (size_t i = 0; i < side->count; i++)
        squares += (value_of(total, &side->runs[i]) - m) * (value_of(total, &side->runs[i]) - m);
    return sqrt(squares / (double)(side->count - 1));
}

/* The variance of the mean, where a run is sampled. */
static double variance(const struct side *side, const struct total *total)
{
    double sum = 0;

    for (size_t i = 0; i < side->count && total->value == NULL; i++)
        sum += side->runs[i].v.of[total->measure];
    return sum / ((double)side->count * (double)side->count);
}

static int within_noise(const struct side *a, const struct side *b, const struct total *total)
{
    double change = mean(b, total) - mean(a, total);

    return change != 0 && variances_explain(change, variance(a, total), variance(b, total));
}

int totals_within_noise(enum measure by, const struct compared *a, const struct compared *b)
{
    const struct total total = {.measure = by};

    return within_noise(&a->side, &b->side, &total);
}

char *totals_number(const struct report *report, char *out, int kind, double value, int with_sign)
{
    char rest[UNITS_SIZE];

    switch (kind) {
    case TOTAL_BYTES:
        return with_sign ? units_bytes_signed(out, value, report->bytes)
                         : units_bytes(out, llround(value), report->bytes);
    case TOTAL_COUNT:
        return with_sign ? units_count_signed(out, value) : units_count(out, llround(value));
    default:
        snprintf(out, UNITS_SIZE, "%s%s",
                 !with_sign || value == 0 ? ""
                 : value < 0              ? "-"
                                          : "+",
                 units_seconds(rest, fabs(value)));
        return out;
    }
}

/* ---- the sentence ---------------------------------------------------------------------------- */

static char *ratio(char *out, double part, double whole)
{
    double percent = 100 * part / whole;

    if (percent >= 200)
        snprintf(out, UNITS_SIZE, "%.*f times", percent < 1000 ? 1 : 0, percent / 100);
    else
        snprintf(out, UNITS_SIZE,
                 percent < 0.1                          ? "%.2f %% of"
                 : percent < 99.95 || percent >= 100.05 ? "%.1f %% of"
                                                        : "%.2f %% of",
                 percent);
    return out;
}

char *totals_sentence(const struct report *report, enum measure by, const struct compared *a,
                      const struct compared *b)
{
    const struct measure_row *measure = &measures[by];
    const struct total total = {.measure = by};
    double before = mean(&a->side, &total), after = mean(&b->side, &total);
    char x[UNITS_SIZE], y[UNITS_SIZE], r[UNITS_SIZE];
    const char *noise = within_noise(&a->side, &b->side, &total) ? ", within the noise of sampling" : "";

    totals_number(report, x, kind_of(&total), before, 0);
    totals_number(report, y, kind_of(&total), after, 0);
    if (before == after)
        return text_make("%s %.*s exactly %s %s%s (%s)", b->name, (int)strcspn(measure->verb, " "),
                         measure->verb, measure->as, a->name, measure->does != NULL ? measure->does : "", y);
    if (before < 0 || after < 0) /* below 0: only possible for parts of runs */
        return text_make("%s changes what is live by %s, %s by %s%s", b->name, y, a->name, x, noise);
    if (before == 0)
        return text_make("%s %s %s where %s has none%s", b->name, measure->verb, y, a->name, noise);
    return text_make("%s %s %s %s%s (%s -> %s%s)", b->name, measure->verb, ratio(r, after, before),
                     measure->of, a->name, x, y, noise);
}

/* ---- showing --------------------------------------------------------------------------------- */

static void total_cell(const struct report *report, struct table *table, const struct total *total,
                       const struct side *side)
{
    char a[UNITS_SIZE], b[UNITS_SIZE], text[2 * UNITS_SIZE + 8];
    double deviation = side->count > 1 ? spread(side, total) : sqrt(variance(side, total));

    if (deviation > 0)
        snprintf(text, sizeof text, "%s \xc2\xb1 %s",
                 totals_number(report, a, kind_of(total), mean(side, total), 0),
                 totals_number(report, b, kind_of(total), deviation, 0));
    else
        totals_number(report, text, kind_of(total), mean(side, total), 0);
    table_cell(table, text);
}

/* With its sign, and with enough digits not to look like 0. */
static void percent(char *out, double value)
{
    snprintf(out, UNITS_SIZE, "%+.*f %%",
             fabs(value) >= 1000     ? 0
             : fabs(value) >= 0.05   ? 1
             : fabs(value) >= 0.0005 ? 3
                                     : 6,
             value);
}

void totals_print(const struct report *report, const struct compared *all, size_t count, int whole)
{
    struct table *table = table_new(report);
    char out[UNITS_SIZE];

    table_column(table, "", 0);
    for (size_t i = 0; i < count; i++) {
        table_column(table, all[i].name, TABLE_RIGHT);
        if (i > 0) {
            table_column(table, "CHANGE", TABLE_RIGHT);
            table_column(table, "", TABLE_RIGHT | TABLE_SPARE);
        }
    }
    int freed_later = 0; /* some process ended before its run, and its memory with it */

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < all[i].side.count && whole; k++)
            freed_later |= all[i].side.runs[k].t.end_bytes != all[i].side.runs[k].t.m.live_bytes;
    for (size_t t = first_total(all, count); t < totals_known(whole); t++) {
        double first = mean(&all[0].side, &totals[t]);

        table_row(table, NULL);
        table_cell(table, title_of(&totals[t], freed_later));
        total_cell(report, table, &totals[t], &all[0].side);
        for (size_t i = 1; i < count; i++) {
            double change = mean(&all[i].side, &totals[t]) - first;
            int noise = within_noise(&all[0].side, &all[i].side, &totals[t]);
            const char *color = noise || change == 0 ? "dim" : change > 0 ? "red" : "green";

            total_cell(report, table, &totals[t], &all[i].side);
            table_cell(table, totals_number(report, out, kind_of(&totals[t]), change, 1));
            table_cell_color(table, color);
            if (noise)
                strcpy(out, "within noise");
            else if (first == 0 || change == 0)
                strcpy(out, "");
            else
                percent(out, 100 * change / first);
            table_cell(table, out);
            table_cell_color(table, color);
        }
    }
    table_print(table);
    table_free(table);
}

void totals_json(struct json *json, const struct compared *all, size_t count, size_t which, int whole)
{
    const struct side *a = &all[0].side, *b = &all[which].side;

    json_object(json, "totals");
    for (size_t t = first_total(all, count); t < totals_known(whole); t++) {
        json_object(json, key_of(&totals[t]));
        json_real(json, "before", mean(a, &totals[t]));
        json_real(json, "after", mean(b, &totals[t]));
        json_real(json, "change", mean(b, &totals[t]) - mean(a, &totals[t]));
        json_real(json, "before_spread", spread(a, &totals[t]));
        json_real(json, "after_spread", spread(b, &totals[t]));
        if (side_is_sampled(a) || side_is_sampled(b)) {
            json_real(json, "before_error", sqrt(variance(a, &totals[t])));
            json_real(json, "after_error", sqrt(variance(b, &totals[t])));
            json_true(json, "within_noise", within_noise(a, b, &totals[t]));
        }
        json_close(json);
    }
    json_close(json);
}
