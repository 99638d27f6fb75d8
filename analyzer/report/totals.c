/* totals.c - runs side by side, in nine numbers; of several runs of a label, their mean. */
#define _GNU_SOURCE
#include "totals.h"
#include "table.h"
#include "units.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

static double peak_bytes(const struct run *run)
{
    return (double)run->t.m.peak_bytes;
}
static double peak_blocks(const struct run *run)
{
    return (double)run->t.m.peak_allocations;
}
static double bytes(const struct run *run)
{
    return (double)run->t.m.bytes;
}
static double allocations(const struct run *run)
{
    return (double)run->t.m.allocations;
}
static double temporary(const struct run *run)
{
    return (double)run->t.m.temporary;
}
static double live_bytes(const struct run *run)
{
    return (double)run->t.m.live_bytes;
}
static double live_blocks(const struct run *run)
{
    return (double)run->t.m.live_allocations;
}
static double rss(const struct run *run)
{
    return (double)run->t.peak_rss_bytes;
}
static double wall(const struct run *run)
{
    return (double)run->t.wall_ns / 1e9;
}

static const struct total {
    const char *title, *key;
    int kind;
    double (*value)(const struct run *run);
    const char *never_freed; /* the title where what is live at the end of a run is less */
} totals[] = {
    {"peak", "peak_bytes", TOTAL_BYTES, peak_bytes, NULL},
    {"blocks at peak", "peak_allocations", TOTAL_COUNT, peak_blocks, NULL},
    {"bytes allocated", "bytes", TOTAL_BYTES, bytes, NULL},
    {"allocations", "allocations", TOTAL_COUNT, allocations, NULL},
    {"temporary", "temporary", TOTAL_COUNT, temporary, NULL},
    {"live at end", "live_bytes", TOTAL_BYTES, live_bytes, "never freed"},
    {"blocks at end", "live_allocations", TOTAL_COUNT, live_blocks, "blocks never freed"},
    {"resident at most", "peak_rss_bytes", TOTAL_BYTES, rss, NULL},
    {"wall time", "wall_s", TOTAL_SECONDS, wall, NULL},
};
#define TOTALS (sizeof totals / sizeof totals[0])
#define TOTALS_OF_LINES 7 /* the rest is known of whole runs only */

static size_t totals_known(int whole)
{
    return whole ? TOTALS : TOTALS_OF_LINES;
}

/* The peak of a part may not be known: its two rows come first. */
static size_t first_total(const struct contender *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < all[i].side.count; k++)
            if (all[i].side.runs[k].t.m.peak_bytes < 0)
                return 2;
    return 0;
}

static double mean(const struct side *side, double (*value)(const struct run *))
{
    double sum = 0;

    for (size_t i = 0; i < side->count; i++)
        sum += value(&side->runs[i]);
    return sum / (double)side->count;
}

static double spread(const struct side *side, double (*value)(const struct run *))
{
    double m = mean(side, value), squares = 0;

    if (side->count < 2)
        return 0;
    for (size_t i = 0; i < side->count; i++)
        squares += (value(&side->runs[i]) - m) * (value(&side->runs[i]) - m);
    return sqrt(squares / (double)(side->count - 1));
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

/* How each measure is said: "B VERB R of WHAT A". */
static const struct {
    const char *verb, *of, *as;
    size_t total;
} said[] = {
    [BY_BYTES] = {"allocates", "the bytes of ", "as many bytes as", 2},
    [BY_ALLOCATIONS] = {"makes", "the allocations of ", "as many allocations as", 3},
    [BY_PEAK] = {"peaks at", "", "what", 0},
    [BY_LIVE] = {"leaves", "what lives at the end of ", "as much alive as", 5},
    [BY_TEMPORARY] = {"makes", "the temporary allocations of ", "as many temporary allocations as", 4},
};

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

char *totals_sentence(const struct report *report, int by, const struct contender *a,
                      const struct contender *b)
{
    const struct total *total = &totals[said[by].total];
    double before = mean(&a->side, total->value), after = mean(&b->side, total->value);
    char x[UNITS_SIZE], y[UNITS_SIZE], r[UNITS_SIZE], *text = NULL;
    int n;

    totals_number(report, x, total->kind, before, 0);
    totals_number(report, y, total->kind, after, 0);
    if (before == after && by == BY_PEAK)
        n = asprintf(&text, "%s peaks exactly where %s does (%s)", b->name, a->name, y);
    else if (before == after)
        n = asprintf(&text, "%s %s exactly %s %s (%s)", b->name, said[by].verb, said[by].as, a->name, y);
    else if (before < 0 || after < 0) /* of parts of runs */
        n = asprintf(&text, "%s changes what is live by %s, %s by %s", b->name, y, a->name, x);
    else if (before == 0)
        n = asprintf(&text, "%s %s %s where %s has none", b->name, said[by].verb, y, a->name);
    else
        n = asprintf(&text, "%s %s %s %s%s (%s -> %s)", b->name, said[by].verb, ratio(r, after, before),
                     said[by].of, a->name, x, y);
    return n >= 0 ? text : NULL;
}

/* ---- showing --------------------------------------------------------------------------------- */

static void total_cell(const struct report *report, struct table *table, const struct total *total,
                       const struct side *side)
{
    char a[UNITS_SIZE], b[UNITS_SIZE], text[2 * UNITS_SIZE + 8];
    double deviation = spread(side, total->value);

    if (deviation > 0)
        snprintf(text, sizeof text, "%s \xc2\xb1 %s",
                 totals_number(report, a, total->kind, mean(side, total->value), 0),
                 totals_number(report, b, total->kind, deviation, 0));
    else
        totals_number(report, text, total->kind, mean(side, total->value), 0);
    table_cell(table, text);
}

/* Signed, and never a change that reads as none. */
static void percent(char *out, double value)
{
    snprintf(out, UNITS_SIZE, "%+.*f %%",
             fabs(value) >= 1000     ? 0
             : fabs(value) >= 0.05   ? 1
             : fabs(value) >= 0.0005 ? 3
                                     : 6,
             value);
}

void totals_print(const struct report *report, const struct contender *all, size_t count, int whole)
{
    struct table *table = table_new(report);
    char out[UNITS_SIZE];

    table_column(table, "", 0);
    for (size_t i = 0; i < count; i++) {
        table_column(table, all[i].name, TABLE_RIGHT);
        if (i > 0) {
            table_column(table, "CHANGE", TABLE_RIGHT);
            table_column(table, "", TABLE_RIGHT);
        }
    }
    int freed_later = 0; /* some process ended before its run, and what it had went with it */

    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < all[i].side.count && whole; k++)
            freed_later |= all[i].side.runs[k].t.end_bytes != all[i].side.runs[k].t.m.live_bytes;
    for (size_t t = first_total(all, count); t < totals_known(whole); t++) {
        double first = mean(&all[0].side, totals[t].value);

        table_row(table, NULL);
        table_cell(table, freed_later && totals[t].never_freed ? totals[t].never_freed : totals[t].title);
        total_cell(report, table, &totals[t], &all[0].side);
        for (size_t i = 1; i < count; i++) {
            double change = mean(&all[i].side, totals[t].value) - first;
            const char *color = change > 0 ? "red" : change < 0 ? "green" : "dim";

            total_cell(report, table, &totals[t], &all[i].side);
            table_cell(table, totals_number(report, out, totals[t].kind, change, 1));
            table_cell_color(table, color);
            if (first == 0 || change == 0)
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

void totals_json(struct json *json, const struct contender *all, size_t count, size_t which, int whole)
{
    const struct side *a = &all[0].side, *b = &all[which].side;

    json_object(json, "totals");
    for (size_t t = first_total(all, count); t < totals_known(whole); t++) {
        json_object(json, totals[t].key);
        json_real(json, "before", mean(a, totals[t].value));
        json_real(json, "after", mean(b, totals[t].value));
        json_real(json, "change", mean(b, totals[t].value) - mean(a, totals[t].value));
        json_real(json, "before_spread", spread(a, totals[t].value));
        json_real(json, "after_spread", spread(b, totals[t].value));
        json_close(json);
    }
    json_close(json);
}
