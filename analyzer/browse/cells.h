/* cells.h - columns of names: a line's place, its function, and its text where there is room. */
#ifndef LIBTRACE_BROWSE_CELLS_H
#define LIBTRACE_BROWSE_CELLS_H

#include "browse.h"
#include "by_line.h"

#define CELLS_LEAST 40 /* columns that numbers leave to names */

struct cells {
    int x[3], width[3]; /* in this order, or functions before their files; 0 = no such column */
    int functions;
};

/* From column x on, as wide as the rows (the first thousand of them) ask for. */
struct cells cells_fit(const struct browse *browse, const struct line_row *rows, size_t count, int functions,
                       int x);
void cells_head(const struct cells *cells, int y);
void cells_row(const struct browse *browse, const struct cells *cells, const struct line_row *row, int y);

/* "list.c:42", or the module's name; and with its function. malloc'ed. */
char *cells_place(const struct browse *browse, const struct line_row *row);
char *cells_place_cut(const struct browse *browse, const struct line_row *row, int columns); /* harmless */
char *cells_text(const struct browse *browse, const struct line_row *row);

#endif
