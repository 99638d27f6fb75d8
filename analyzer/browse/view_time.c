/* view_time.c - the heap over time as a curve, with its marks below. */
#define _GNU_SOURCE
#include "chart.h"
#include "heap_times.h"
#include "browse.h"
#include "sampling.h"
#include "screen.h"
#include "text.h"
#include "units.h"
#include "variances.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL 9 /* columns to the left of the curve, including the axis */
#define LEAST_ROWS 4
#define MARK_ROWS 8 /* rows of the list, at least, if there are so many marks; fewer on a small screen */

struct view_time {
    struct view view;
    struct heap_times times;
};

static int read(struct browse *browse, struct view *view)
{
    struct view_time *v = (struct view_time *)view;
    struct heap_times times;
    int status = heap_times_read(browse->report, &browse->run, &times);

    if (status != EXIT_FINE) {
        heap_times_free(&times);
        return status;
    }
    heap_times_free(&v->times);
    v->times = times;
    view->rows = times.mark_count;
    return EXIT_FINE;
}

static char *title(struct browse *browse, struct view *view)
{
    (void)browse;
    (void)view;
    return strdup("Live bytes over time");
}

/* ---- the curve ------------------------------------------------------------------------------- */

static void draw_row(const struct browse *browse, const struct chart *chart, double top, int row, int y)
{
    char label[UNITS_SIZE] = "";
    int quarters = chart->rows / 4, is_line, ascii = screen_ascii();

    if (row % (quarters > 0 ? quarters : 1) == 0 && row > 0)
        units_bytes(label, llround(top * row / chart->rows), browse->report->bytes);
    screen_put_right(y, 0, LABEL, LOOK_DIM, label);
    screen_cell(y, LABEL + 1, LOOK_DIM,
                ascii    ? (*label ? "+" : "|")
                : *label ? "\xe2\x94\xa4"
                         : "\xe2\x94\x82");
    for (int i = 0; i < chart->columns; i++) {
        const char *cell = chart_cell(chart, top, row, i, ascii, &is_line);

        if (*cell != ' ')
            screen_cell(y, LABEL + 2 + i, is_line ? LOOK_YELLOW : LOOK_GREEN, cell);
    }
}

static void draw_axis(const struct browse *browse, const struct chart *chart, int y)
{
    double span = chart->end - chart->begin;
    char text[UNITS_SIZE];
    int half = chart->columns / 2, x = LABEL + 2, ascii = screen_ascii();

    screen_put_right(y, 0, LABEL, LOOK_DIM, browse->report->bytes ? "0" : "0 B");
    screen_cell(y, LABEL + 1, LOOK_DIM, ascii ? "+" : "\xe2\x94\x94");
    for (int i = 0; i < chart->columns; i++)
        screen_cell(y, x + i, LOOK_DIM,
                    ascii       ? (i == half ? "+" : "-")
                    : i == half ? "\xe2\x94\xac"
                                : "\xe2\x94\x80");
    screen_put(y + 1, x, half, LOOK_DIM, units_moment(text, chart->begin, span));
    screen_put(y + 1, x + half, half, LOOK_DIM, units_moment(text, (chart->begin + chart->end) / 2, span));
    screen_put_right(y + 1, x + half, chart->columns - half, LOOK_DIM, units_moment(text, chart->end, span));
}

/* Draws "v peak 21.5 MiB at 739 ms", to the right or left of its moment, wherever it fits. */
static void draw_peak(const struct browse *browse, const struct chart *chart, int y)
{
    char text[2 * UNITS_SIZE + 24], bytes[UNITS_SIZE], at[UNITS_SIZE];
    int column = chart_column(chart, chart->peak_t), x = LABEL + 2 + column;

    if (chart->peak < 0)
        return;
    int width = snprintf(text, sizeof text, "%s %s at %s",
                         heap_times_has_peak(&browse->run) ? "peak" : "highest sample",
                         units_bytes(bytes, (int64_t)chart->peak, browse->report->bytes),
                         units_moment(at, chart->peak_t, chart->end - chart->begin));

    screen_cell(y, x, LOOK_BOLD, screen_ascii() ? "v" : "\xe2\x96\xbc");
    screen_put(y,
               x + 2 + width <= screen_columns() ? x + 2
               : x > width                       ? x - 1 - width
                                                 : 0,
               screen_columns(), LOOK_BOLD, text);
}

/* Draws each mark's letter below its moment; the selected mark's covers others. */
static void draw_marks(const struct view_time *v, const struct chart *chart, int y)
{
    for (size_t i = v->times.mark_count; i-- > 0;) {
        const char letter[2] = {i < CHART_MARKS ? (char)('a' + i) : '*', '\0'};

        screen_cell(y, LABEL + 2 + chart_column(chart, v->times.marks[i].t), LOOK_BOLD, letter);
    }
    if (v->view.selected < v->times.mark_count) {
        size_t i = v->view.selected;
        const char letter[2] = {i < CHART_MARKS ? (char)('a' + i) : '*', '\0'};

        screen_select(1);
        screen_cell(y, LABEL + 2 + chart_column(chart, v->times.marks[i].t), LOOK_BOLD, letter);
        screen_select(0);
    }
}

static void draw_legend(int y)
{
    int x = LABEL + 2;

    screen_cell(y, x, LOOK_GREEN, screen_ascii() ? "#" : "\xe2\x96\x88");
    x += 2 + screen_put(y, x + 2, screen_columns(), LOOK_DIM, "live bytes") + 2;
    screen_cell(y, x, LOOK_YELLOW, screen_ascii() ? "-" : "\xe2\xa0\x92");
    screen_put(y, x + 2, screen_columns(), LOOK_DIM, "resident (RSS)");
}

/* Rows: peak, curve, axis, times and legend; one for letters if there are marks. */
static int above(struct browse *browse, struct view *view, int y, int rows)
{
    struct view_time *v = (struct view_time *)view;
    int marks = v->times.mark_count < MARK_ROWS ? (int)v->times.mark_count : MARK_ROWS;
    int around = 4 + (marks > 0), height = rows - around - (marks < rows / 3 ? marks : rows / 3);
    struct chart chart;

    if (height < LEAST_ROWS)
        height = rows - around - 1;
    if (height < 2 || screen_columns() < LABEL + 12)
        return 0;
    chart_new(&chart, screen_columns() - LABEL - 3, height);
    heap_times_chart(&v->times, &browse->run, &chart);
    double top = chart_top(&chart);

    draw_peak(browse, &chart, y);
    for (int row = height - 1; row >= 0; row--)
        draw_row(browse, &chart, top, row, y + height - row);
    draw_axis(browse, &chart, y + height + 1);
    if (marks > 0)
        draw_marks(v, &chart, y + height + 3);
    draw_legend(y + height + 3 + (marks > 0));
    chart_free(&chart);
    return height + around;
}

/* ---- the marks ------------------------------------------------------------------------------- */

/* What was live at a mark: the last sample up to it. */
static struct heap_sample live_at(const struct view_time *v, double t)
{
    struct heap_sample last = {0};

    for (size_t i = 0; i < v->times.sample_count && v->times.samples[i].t <= t; i++)
        last = v->times.samples[i];
    return last;
}

/* "12.4 MiB", behind which a sampled run has the error, as in timeline; out: 2 * UNITS_SIZE. */
static char *live_text(const struct browse *browse, char *out, const struct heap_sample *live)
{
    int64_t interval = browse->run.sampling.interval;
    char bytes[UNITS_SIZE], error[UNITS_SIZE] = "";

    if (sampling_is_on(&browse->run))
        variances_text_of(error, variances_model(live->allocations, live->bytes, interval).bytes, 1,
                          browse->report->bytes);
    snprintf(out, 2 * UNITS_SIZE, "%10s%s%s", units_bytes(bytes, live->bytes, browse->report->bytes),
             *error != '\0' ? " " : "", error);
    return out;
}

static void row(struct browse *browse, struct view *view, size_t at, int y)
{
    const struct view_time *v = (const struct view_time *)view;
    const struct heap_mark *mark = &v->times.marks[at];
    const struct heap_sample live = live_at(v, mark->t);
    char line[3 * UNITS_SIZE + 8], t[UNITS_SIZE], bytes[2 * UNITS_SIZE];

    snprintf(line, sizeof line, "%c %10s %s", at < CHART_MARKS ? (char)('a' + at) : '*',
             units_moment(t, mark->t, (double)browse->run.t.wall_ns / 1e9), live_text(browse, bytes, &live));
    int x = screen_put(y, 0, screen_columns(), LOOK_PLAIN, line) + 2;

    screen_put(y, x, screen_columns() - x, LOOK_PLAIN, mark->name);
}

static char *text(struct browse *browse, struct view *view, size_t at)
{
    (void)browse;
    return strdup(((struct view_time *)view)->times.marks[at].name);
}

static void release(struct view *view)
{
    heap_times_free(&((struct view_time *)view)->times);
}

struct view *view_time_new(void)
{
    static const struct view_key keys[] = {{0}};
    static const struct view_kind kind = {keys,  0,    read, NULL, title, NULL,
                                          above, NULL, row,  text, NULL,  release};
    struct view_time *v = calloc(1, sizeof *v);

    v->view.kind = &kind;
    return &v->view;
}
