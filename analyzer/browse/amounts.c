/* amounts.c - see amounts.h. */
#include "amounts.h"
#include "sampling.h"
#include "screen.h"
#include "units.h"

#include <stdio.h>
#include <string.h>

#define GAP 2
#define BYTES_WIDTH 8  /* 1023 KiB */
#define SIGNED_WIDTH 9 /* -1023 KiB */
#define SHARE_WIDTH 6  /* <0.1 % */
#define ERROR_WIDTH 11 /* few samples */
#define MORE (sizeof measures[0].more / sizeof measures[0].more[0])

/* For a part of a run, only the change in what is live is known. */
static int is_growth(const struct browse *browse, enum measure measure)
{
    return browse->run.window.set && (measure == MEASURE_live_bytes || measure == MEASURE_live_allocations);
}

static char *amount(const struct browse *browse, char *out, const struct store_measures *m,
                    enum measure measure)
{
    if (!is_growth(browse, measure))
        return units_measure(out, m, measure, browse->report->bytes);
    return measures[measure].is_bytes
               ? units_bytes_signed(out, (double)measure_value(m, measure), browse->report->bytes)
               : units_count_signed(out, (double)measure_value(m, measure));
}

/* The total is the widest number in a column. */
static int width_of(const struct browse *browse, const struct store_measures *whole, enum measure measure)
{
    char out[UNITS_SIZE];
    int heading = (int)strlen(measures[measure].heading),
        width = (int)strlen(amount(browse, out, whole, measure));
    int bytes = is_growth(browse, measure) ? SIGNED_WIDTH : BYTES_WIDTH;

    if (measures[measures[measure].least].is_least)
        bytes += 3; /* "<= " */
    if (measures[measure].is_bytes && !browse->report->bytes)
        width = bytes;
    else if (is_growth(browse, measure) || measures[measures[measure].least].is_least)
        width += 4; /* parts may exceed their sum */
    return width > heading ? width : heading;
}

static void add(struct amounts *amounts, enum measure measure, enum amount_kind kind, int width)
{
    amounts->column[amounts->count].measure = measure;
    amounts->column[amounts->count].kind = kind;
    amounts->column[amounts->count++].width = width;
    amounts->columns += width + GAP;
}

/* Shares make no sense for measures that do not add up, or for changes. */
static int has_share(const struct browse *browse)
{
    return !measures[measures[browse->by].least].is_least && !is_growth(browse, browse->by);
}

struct amounts amounts_fit(const struct browse *browse, const struct store_measures *whole, int names)
{
    const struct measure_row *by = &measures[browse->by];
    enum measure wanted[MORE + 2] = {by->beside};
    size_t count = 1;
    struct amounts amounts = {0};
    int live = browse->by == MEASURE_live_bytes;

    for (size_t i = 0; i < MORE && by->more[i] != 0; i++) {
        if (browse->run.window.set && !measure_sampled(by->more[i]))
            continue;
        live |= by->more[i] == MEASURE_live_bytes;
        wanted[count++] = by->more[i];
    }
    if (browse->run.window.set && !live)
        wanted[count++] = MEASURE_live_bytes;
    add(&amounts, browse->by, AMOUNT_VALUE, width_of(browse, whole, browse->by));
    if (sampling_is_on(&browse->run))
        add(&amounts, browse->by, AMOUNT_ERROR, ERROR_WIDTH);
    if (has_share(browse))
        add(&amounts, browse->by, AMOUNT_SHARE, SHARE_WIDTH);
    for (size_t i = 0; i < count && amounts.count < AMOUNTS_MOST; i++) {
        int width = width_of(browse, whole, wanted[i]);

        if (screen_columns() - amounts.columns - width - GAP < names)
            break;
        add(&amounts, wanted[i], AMOUNT_VALUE, width);
    }
    return amounts;
}

void amounts_head(const struct amounts *amounts, int y)
{
    for (int i = 0, x = 0; i < amounts->count; i++) {
        enum amount_kind kind = amounts->column[i].kind;

        screen_put_right(y, x, amounts->column[i].width, LOOK_HEAD,
                         kind == AMOUNT_SHARE   ? "%"
                         : kind == AMOUNT_ERROR ? "ERROR"
                                                : measures[amounts->column[i].measure].heading);
        x += amounts->column[i].width + GAP;
    }
}

static void error_text(const struct browse *browse, const struct store_measures *m, const struct variances *v,
                       enum measure measure, char *out)
{
    if (variances_too_few(m, v, measure))
        strcpy(out, "few samples");
    else
        variances_text_of(out, v->of[measure], measures[measure].is_bytes, browse->report->bytes);
}

void amounts_row(const struct browse *browse, const struct amounts *amounts, const struct store_measures *m,
                 const struct variances *v, const struct store_measures *whole, int y)
{
    char out[UNITS_SIZE];

    for (int i = 0, x = 0; i < amounts->count; i++) {
        enum measure measure = amounts->column[i].measure;
        double value = (double)measure_value(m, measure), all = (double)measure_value(whole, measure);
        enum look look = i == 0 ? LOOK_BOLD : LOOK_PLAIN;

        if (amounts->column[i].kind == AMOUNT_SHARE) {
            units_percent(out, value, all);
            look = all != 0 && value / all >= 0.1 ? LOOK_YELLOW : LOOK_PLAIN;
        } else if (amounts->column[i].kind == AMOUNT_ERROR) {
            error_text(browse, m, v, measure, out);
        } else {
            amount(browse, out, m, measure);
        }
        screen_put_right(y, x, amounts->column[i].width, look, out);
        x += amounts->column[i].width + GAP;
    }
}
