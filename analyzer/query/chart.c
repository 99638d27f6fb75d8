/* chart.c - draws an area of block characters in eighths, and a line of braille dots in quarters of a row;
 * or both in ASCII. */
#define _GNU_SOURCE
#include "chart.h"
#include "text.h"
#include "units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LABEL 9 /* columns left of the plot */

void chart_new(struct chart *chart, int columns, int rows)
{
    *chart = (struct chart){.columns = columns, .rows = rows, .peak = -1};
    chart->area = malloc((size_t)columns * sizeof *chart->area);
    chart->line = malloc((size_t)columns * sizeof *chart->line);
    for (int i = 0; i < columns; i++)
        chart->area[i] = chart->line[i] = -1;
}

void chart_free(struct chart *chart)
{
    free(chart->area);
    free(chart->line);
}

int chart_column(const struct chart *chart, double t)
{
    double width = chart->end - chart->begin;
    double at = width > 0 ? (t - chart->begin) / width * chart->columns : 0;

    return at < 0 ? 0 : at >= chart->columns ? chart->columns - 1 : (int)at;
}

void chart_add(const struct chart *chart, double *values, double t, double value)
{
    int i = chart_column(chart, t);

    if (value > values[i])
        values[i] = value;
}

void chart_fill(const struct chart *chart, double *values)
{
    for (int i = 1; i < chart->columns; i++)
        if (values[i] < 0)
            values[i] = values[i - 1];
}

/* ---- scale ----------------------------------------------------------------------------------- */

/* The smallest of 1, 2, 4 ... 512 B, KiB, MiB ... times 1, 1.25, 1.5, 1.75 that is not below value: half
 * and a quarter of it are short numbers too. */
static double top_of_scale(double value)
{
    double power = 4;

    while (power < value && power < 1e18)
        power *= 2;
    for (int quarters = 5; quarters < 8; quarters++)
        if (power / 8 * quarters >= value)
            return power / 8 * quarters;
    return power;
}

double chart_top(const struct chart *chart)
{
    double most = chart->peak;

    for (int i = 0; i < chart->columns; i++) {
        most = chart->area[i] > most ? chart->area[i] : most;
        most = chart->line[i] > most ? chart->line[i] : most;
    }
    return top_of_scale(most);
}

/* ---- drawing --------------------------------------------------------------------------------- */

/* How many eighths of a cell the area fills. */
static int eighths(const struct chart *chart, double value, double top, int row)
{
    double cells = value / top * chart->rows - row;
    int n = (int)(cells * 8 + 0.5);

    if (row == 0 && value > 0 && n == 0)
        n = 1; /* a small value must not look like none */
    return n < 0 ? 0 : n > 8 ? 8 : n;
}

/* The line's height in a cell, in quarters from the bottom; -1 = it is in another row. */
static int quarter(const struct chart *chart, double value, double top, int row)
{
    double cells = value / top * chart->rows;
    int at = (int)cells >= chart->rows ? chart->rows - 1 : (int)cells;

    if (value < 0 || at != row)
        return -1;
    int n = (int)((cells - at) * 4);

    return n > 3 ? 3 : n;
}

const char *chart_cell(const struct chart *chart, double top, int row, int column, int ascii, int *is_line)
{
    static const char *const dots[] = {"\xe2\xa3\x80", "\xe2\xa0\xa4", "\xe2\xa0\x92", "\xe2\xa0\x89"};
    static const char *const blocks[] = {" ",
                                         "\xe2\x96\x81",
                                         "\xe2\x96\x82",
                                         "\xe2\x96\x83",
                                         "\xe2\x96\x84",
                                         "\xe2\x96\x85",
                                         "\xe2\x96\x86",
                                         "\xe2\x96\x87",
                                         "\xe2\x96\x88"};
    int height = quarter(chart, chart->line[column], top, row);
    int filled = eighths(chart, chart->area[column], top, row);

    *is_line = height >= 0;
    if (height >= 0)
        return ascii ? "-" : dots[height];
    if (!ascii)
        return blocks[filled];
    return filled >= 4 ? "#" : filled > 0 ? "." : " ";
}

static void print_row(const struct report *report, const struct chart *chart, double top, int row)
{
    const char *reset = report_color(report, "reset"), *now = "";
    char label[UNITS_SIZE] = "";
    int quarters = chart->rows / 4, is_line;

    if (row % (quarters > 0 ? quarters : 1) == 0 && row > 0)
        units_bytes(label, llround(top * row / chart->rows), report->bytes);
    printf("%*s %s", LABEL, label,
           report->ascii ? (*label ? "+" : "|")
           : *label      ? "\xe2\x94\xa4"
                         : "\xe2\x94\x82");
    for (int i = 0; i < chart->columns; i++) {
        const char *text = chart_cell(chart, top, row, i, report->ascii, &is_line);
        const char *color = report_color(report, is_line ? "yellow" : "green");

        if (strcmp(color, now) != 0 && *text != ' ')
            fputs(now = color, stdout);
        fputs(text, stdout);
    }
    printf("%s\n", reset);
}

/* Prints text with an arrow at the column: the text goes right of the arrow, left of it if there is no
 * room, or above it if there is none on either side. */
static void print_pointer(const struct chart *chart, int column, const char *arrow, const char *text)
{
    int width = (int)text_width(text), plot = LABEL + 2;

    if (column + width + 2 <= chart->columns) {
        printf("%*s%s %s\n", plot + column, "", arrow, text);
    } else if (column > width) {
        printf("%*s%s %s\n", plot + column - width - 1, "", text, arrow);
    } else {
        int room = plot + chart->columns - width;
        printf("%*s%s\n%*s%s\n", room > 0 ? room : 0, "", text, plot + column, "", arrow);
    }
}

static void print_axis(const struct report *report, const struct chart *chart)
{
    char left[UNITS_SIZE], middle[UNITS_SIZE], right[UNITS_SIZE];
    int half = chart->columns / 2;

    printf("%*s %s", LABEL, report->bytes ? "0" : "0 B", report->ascii ? "+" : "\xe2\x94\x94");
    for (int i = 0; i < chart->columns; i++)
        fputs(report->ascii ? (i == half ? "+" : "-") : i == half ? "\xe2\x94\xac" : "\xe2\x94\x80", stdout);
    units_moment(left, chart->begin, chart->end - chart->begin);
    units_moment(middle, (chart->begin + chart->end) / 2, chart->end - chart->begin);
    units_moment(right, chart->end, chart->end - chart->begin);
    printf("\n%*s%-*s%s%*s\n", LABEL + 2, "", half, left, middle, chart->columns - half - (int)strlen(middle),
           right);
}

/* Prints each mark's letter below its moment; if two fall on the same column, the later one goes on the
 * next line. */
static void print_marks(const struct report *report, const struct chart *chart)
{
    size_t count = chart->mark_count < CHART_MARKS ? chart->mark_count : CHART_MARKS;
    unsigned char done[CHART_MARKS] = {0};
    char t[UNITS_SIZE];

    for (size_t left = count; left > 0;) {
        int at = 0;

        printf("%*s%s", LABEL + 2, "", report_color(report, "bold"));
        for (size_t i = 0; i < count; i++) {
            int column = chart_column(chart, chart->marks[i].t);

            if (done[i] || column < at)
                continue;
            printf("%*s%c", column - at, "", 'a' + (int)i);
            at = column + 1;
            done[i] = 1;
            left--;
        }
        printf("%s\n", report_color(report, "reset"));
    }
    for (size_t i = 0; i < count; i++) {
        char *name = text_harmless(chart->marks[i].name);

        if (report->width > 24)
            name = text_cut(name, (size_t)report->width - 24, 0);
        printf("%*s%c  %8s  %s\n", LABEL + 2, "", 'a' + (int)i,
               units_moment(t, chart->marks[i].t, chart->end - chart->begin), name);
        free(name);
    }
    if (chart->mark_count > count)
        printf("%*s%zu more marks\n", LABEL + 2, "", chart->mark_count - count);
}

void chart_print(const struct report *report, const struct chart *chart)
{
    double top = chart_top(chart);

    if (chart->peak >= 0)
        print_pointer(chart, chart_column(chart, chart->peak_t), report->ascii ? "v" : "\xe2\x96\xbc",
                      chart->peak_text);
    for (int row = chart->rows - 1; row >= 0; row--)
        print_row(report, chart, top, row);
    print_axis(report, chart);
    print_marks(report, chart);
}
