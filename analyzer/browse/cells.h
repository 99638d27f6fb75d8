/* cells.h - columns of names: a line's place, its function and, where there is room, its source text. */
#ifndef LIBTRACE_BROWSE_CELLS_H
#define LIBTRACE_BROWSE_CELLS_H

#include "browse.h"
#include "by_line.h"

#define CELLS_LEAST 40 /* columns that numbers have to leave for names */

struct cells {
    int x[3], width[3]; /* place, function, text (or function first); width 0 = no such column */
    int functions;
};

/* Chooses columns from column x on, as wide as the rows (the first thousand of them) need. */
struct cells cells_fit(const struct browse *browse, const struct line_row *rows, size_t count, int functions,
                       int x);
void cells_head(const struct cells *cells, int y);
void cells_row(const struct browse *browse, const struct cells *cells, const struct line_row *row, int y);

/* "list.c:42", or the module's name; with its function, too. malloc'ed. */
char *cells_place(const struct browse *browse, const struct line_row *row);
char *cells_place_cut(const struct browse *browse, const struct line_row *row, int columns); /* harmless */
char *cells_text(const struct browse *browse, const struct line_row *row);

#endif
