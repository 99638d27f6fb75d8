/* amounts.h - columns of numbers, as in trace-report top: a measure, its share, and related measures, as many
 * as leave room for names. In a sampled run the first one's standard error is beside it.
 */
#ifndef LIBTRACE_BROWSE_AMOUNTS_H
#define LIBTRACE_BROWSE_AMOUNTS_H

#include "browse.h"
#include "variances.h"

#define AMOUNTS_MOST 7

struct amounts {
    struct {
        enum measure measure;
        enum amount_kind {
            AMOUNT_VALUE,
            AMOUNT_SHARE, /* of the whole */
            AMOUNT_ERROR,
        } kind;
        int width;
    } column[AMOUNTS_MOST];
    int count;
    int columns; /* width of all of them, including the gap behind */
};

/* whole: the total that shares refer to. names: columns to leave for names, if possible. */
struct amounts amounts_fit(const struct browse *browse, const struct store_measures *whole, int names);
void amounts_head(const struct amounts *amounts, int y);
void amounts_row(const struct browse *browse, const struct amounts *amounts, const struct store_measures *m,
                 const struct variances *v, const struct store_measures *whole, int y);

#endif
