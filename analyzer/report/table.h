/* table.h - tables on stdout, cut to the terminal's width if it is one. */
#ifndef LIBTRACE_REPORT_TABLE_H
#define LIBTRACE_REPORT_TABLE_H

#include "report.h"

enum {
    TABLE_RIGHT = 1,  /* numbers */
    TABLE_SHRINK = 2, /* may be cut at its end on a narrow terminal */
    TABLE_PATH = 4,   /* may be cut at its beginning */
    TABLE_NAME = 32,  /* a function's name: may be shortened as names.h does */
    TABLE_EXTRA = 8,  /* left out if it would become too narrow */
    TABLE_AMPLE =
        64, /* left out if names and paths would have to be cut for it, the last such column first */
    TABLE_ROOMY = 128, /* the same, but it needs more room to spare */
    TABLE_TEXT = 256,  /* may be cut at its end, but keeps 60 columns before optional ones are shown */
    TABLE_SPARE = 16,  /* left out on a narrow terminal, the last such column first */
};

#define TABLE_COLUMNS 500

struct table;

struct table *table_new(const struct report *report);
void table_free(struct table *table);
void table_column(struct table *table, const char *name, int flags);

/* Begins a row; color: as for report_color(), NULL = none. */
void table_row(struct table *table, const char *color);

/* Adds the next cell of the row; the text is made harmless and copied. NULL = empty. */
void table_cell(struct table *table, const char *text);
void table_cell_color(struct table *table, const char *color); /* colours the cell just added */

/* Adds empty cells for the next columns, as long as they have these flags. */
void table_skip(struct table *table, int flags);

/* Puts text before that of the cell just added, which is never cut: the guides of a tree. */
void table_cell_before(struct table *table, const char *before);

/* Sets lines to be printed unchanged below the row just added. */
void table_below(struct table *table, const char *lines);

void table_print(struct table *table);

#endif
