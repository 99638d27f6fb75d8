/* table.h - tables on stdout, cut to the terminal's width where there is one. */
#ifndef LIBTRACE_REPORT_TABLE_H
#define LIBTRACE_REPORT_TABLE_H

#include "report.h"

enum {
    TABLE_RIGHT = 1,  /* numbers */
    TABLE_SHRINK = 2, /* may be cut at its end when the terminal is narrow */
    TABLE_PATH = 4,   /* may be cut at its beginning */
    TABLE_NAME = 32,  /* names of functions: may be shortened as names.h does */
    TABLE_EXTRA = 8,  /* left out when little more than nothing would be left of it */
    TABLE_AMPLE =
        64, /* left out where names and paths would have to be cut for it, the last such column first */
    TABLE_ROOMY = 128, /* the same, where there is room in plenty only */
    TABLE_SPARE = 16,  /* left out on a narrow terminal, the last such column first */
};

#define TABLE_COLUMNS 500

struct table;

struct table *table_new(const struct report *report);
void table_free(struct table *table);
void table_column(struct table *table, const char *name, int flags);

/* Begins a row; colour as in report_color, NULL = none. */
void table_row(struct table *table, const char *color);

/* The next cell of the row; the text is made harmless and copied. NULL = empty. */
void table_cell(struct table *table, const char *text);
void table_cell_color(struct table *table, const char *color); /* of the cell just added */

/* Empty cells for all columns of these flags that come next. */
void table_skip(struct table *table, int flags);

/* Stands before the text of the cell just added, and is never cut: the guides of a tree. */
void table_cell_before(struct table *table, const char *before);

/* Lines printed below the row just added, as they are. */
void table_below(struct table *table, const char *lines);

void table_print(struct table *table);

#endif
