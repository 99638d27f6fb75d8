/* site_rows.h - turns the sites of a job into rows of the database: sorted, with those of the same stack as
 * one row. */
#ifndef LIBTRACE_SITE_ROWS_H
#define LIBTRACE_SITE_ROWS_H

#include "intern.h"
#include "writer.h"

struct site_row {
    struct site_key key; /* as in the database */
    struct attribution attribution;
    const struct job_site *site;
};

/* The rows to write, for store_sites() with site_rows_next(). */
struct site_rows {
    const struct site_row *next, *end; /* sorted */
    struct grow fates;                 /* struct store_site_fate: of rows that were filled in, */
    size_t fate_count;                 /* if there is something to say */
    uint8_t sizes[STORE_HISTOGRAM_MAX], lifetimes[STORE_HISTOGRAM_MAX]; /* of the row being written */
};

/* Sorts by the keys in the database. */
void site_rows_sort(struct site_row *rows, size_t count);

/* Fills in the next row from all sites that share it, and changes these; returns 0 if there is none. data:
 * struct site_rows. */
int site_rows_next(void *data, struct store_site *row);

/* After that, in the same way: the variances of each row. */
int site_rows_next_error(struct site_rows *sites, struct store_site_error *row);

#endif
