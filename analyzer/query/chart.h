/* chart.h - two curves over time in a terminal: one as an area, one as a line. */
#ifndef LIBTRACE_QUERY_CHART_H
#define LIBTRACE_QUERY_CHART_H

#include "report.h"

#define CHART_MARKS 26 /* lettered a to z */

/* A named moment. */
struct chart_mark {
    double t;
    const char *name;
};

struct chart {
    int columns, rows;   /* of the plot itself */
    double begin, end;   /* seconds at its left and right edge */
    double *area, *line; /* values by column; below 0 = not known there */
    double peak_t, peak; /* labelled above the plot; peak below 0 = none */
    const char *peak_text;
    const struct chart_mark *marks; /* in order of time, shown below the plot */
    size_t mark_count;
};

/* Allocates a chart's columns, all unknown. */
void chart_new(struct chart *chart, int columns, int rows);
void chart_free(struct chart *chart);

/* Enters a value at a time: the column keeps the largest. */
void chart_add(const struct chart *chart, double *values, double t, double value);

/* Columns without a value get that of the column before: what is live stays so until it is measured again. */
void chart_fill(const struct chart *chart, double *values);

/* For those who draw otherwise than chart_print(): the column of a time, the value at the top of the
 * scale, and the character in a cell (rows count from the bottom). */
int chart_column(const struct chart *chart, double t);
double chart_top(const struct chart *chart);
const char *chart_cell(const struct chart *chart, double top, int row, int column, int ascii, int *is_line);

void chart_print(const struct report *report, const struct chart *chart);

#endif
