/* amounts.h - columns of numbers, those of trace-report top: a measure, its share, and what is beside it, as many as leave
 * room for names.
 */
#ifndef LIBTRACE_BROWSE_AMOUNTS_H
#define LIBTRACE_BROWSE_AMOUNTS_H

#include "browse.h"

#define AMOUNTS_MOST 6

struct amounts {
    struct {
        enum measure measure;
        int share; /* of the whole, instead of the measure itself */
        int width;
    } column[AMOUNTS_MOST];
    int count;
    int columns; /* that all of them take, with the gap behind them */
};

/* whole: what shares are of. names: columns that are left to them in any case, if that is possible at all. */
struct amounts amounts_fit(const struct browse *browse, const struct store_measures *whole, int names);
void amounts_head(const struct amounts *amounts, int y);
void amounts_row(const struct browse *browse, const struct amounts *amounts, const struct store_measures *m,
                 const struct store_measures *whole, int y);

#endif
