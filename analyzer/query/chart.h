/* chart.h - two curves over time in a terminal: one as an area, one as a line above or across it. */
#ifndef LIBTRACE_QUERY_CHART_H
#define LIBTRACE_QUERY_CHART_H

#include "report.h"

#define CHART_MARKS 26 /* lettered a to z */

/* What happened at one moment. */
struct chart_mark {
    double t;
    const char *name;
};

struct chart {
    int columns, rows;   /* of the plot itself */
    double begin, end;   /* seconds at its left and right edge */
    double *area, *line; /* values by column; below 0 = nothing known there */
    double peak_t, peak; /* pointed out above the plot; peak below 0 = none */
    const char *peak_text;
    const struct chart_mark *marks; /* in order of time, below the plot */
    size_t mark_count;
};

/* Gives a chart its columns, all unknown; false when memory is short. */
int chart_new(struct chart *chart, int columns, int rows);
void chart_free(struct chart *chart);

/* A value at a moment: its column keeps the largest. */
void chart_add(const struct chart *chart, double *values, double t, double value);

/* Columns without a value take the one before them: what is live stays so until it is looked at again. */
void chart_fill(const struct chart *chart, double *values);

/* Where a moment is, what the top of the scale means, and what stands in a cell (rows count from below). For who draws
 * otherwise than chart_print(). */
int chart_column(const struct chart *chart, double t);
double chart_top(const struct chart *chart);
const char *chart_cell(const struct chart *chart, double top, int row, int column, int ascii, int *is_line);

void chart_print(const struct report *report, const struct chart *chart);

#endif
