/* amounts.h - columns of numbers, as in trace-report top: a measure, its share, and related measures, as many
 * as leave room for names.
 */
#ifndef LIBTRACE_BROWSE_AMOUNTS_H
#define LIBTRACE_BROWSE_AMOUNTS_H

#include "browse.h"

#define AMOUNTS_MOST 6

struct amounts {
    struct {
        enum measure measure;
        int share; /* show the share of the whole instead of the measure */
        int width;
    } column[AMOUNTS_MOST];
    int count;
    int columns; /* width of all of them, including the gap behind */
};

/* whole: the total that shares refer to. names: columns to leave for names, if possible. */
struct amounts amounts_fit(const struct browse *browse, const struct store_measures *whole, int names);
void amounts_head(const struct amounts *amounts, int y);
void amounts_row(const struct browse *browse, const struct amounts *amounts, const struct store_measures *m,
                 const struct store_measures *whole, int y);

#endif
