/* variances.h - how far the numbers of a sampled run may be off.
 *
 * Of a sampled run only some blocks were taken, each with a known probability, so that what is read of it are
 * estimates, and each comes with a variance. Blocks are taken independently of each other: variances of sums
 * are sums of variances. They travel beside struct store_measures, and are all 0 in an exact run, where nothing
 * reads or writes them.
 *
 * For a whole run the variances of most measures are stored (table site_error). Where they are not, for parts of a
 * run and for the other measures, a model stands for them: that of blocks much smaller than the interval R between
 * two samples. There the variance of M bytes is R * M, and that of N blocks N * N * R / M; blocks that are larger
 * than R on average are exact. See site_estimate in sampling_views.sql, and window.c.
 */
#ifndef LIBTRACE_QUERY_VARIANCES_H
#define LIBTRACE_QUERY_VARIANCES_H

#include "measures.h"

struct json;
struct run;
struct sqlite3_stmt;

/* Of each measure, in its unit squared. */
struct variances {
    double of[MEASURES];
};

void variances_add(struct variances *sum, const struct variances *v);

/* Takes a part out of a sum, of which the rest stays. */
void variances_take(struct variances *sum, const struct variances *part);

/* The standard error of a measure, 0 where it is exact. */
double variances_error(const struct variances *v, enum measure measure);

/* The variance of a measure's bytes and of its blocks: its own, or those of the measure beside it. */
double variances_bytes(const struct variances *v, enum measure measure);
double variances_count(const struct variances *v, enum measure measure);

/* True if fewer than VARIANCES_SAMPLES samples are behind a number: it says little. */
#define VARIANCES_SAMPLES 20
int variances_too_few(const struct store_measures *m, const struct variances *v, enum measure measure);

/* True if two estimates that differ so much may be of the same value: less than two standard errors of the
 * difference lie between them. False where both are exact. */
int variances_explain(double difference, double variance_a, double variance_b);

/* The variances in columns of a statement, from `first` on; in an exact run there are none, and 0 is returned. */
struct variances variances_columns(const struct run *run, struct sqlite3_stmt *statement, int first);

/* SQL for these columns, to be put after {measures: #} and {measures: add(#) AS #}, of window_sites(); '' in an
 * exact run. */
const char *variances_sql(const struct run *run);
const char *variances_sql_sum(const struct run *run);

/* SQL for what the model says: of blocks that have so many bytes; of these bytes; of some of these blocks. */
#define VARIANCES_SMALL(blocks, bytes, interval, value)                                                \
    "CASE WHEN abs(1.0 * " bytes ") < abs(1.0 * " blocks ") * " interval " THEN " value " * " interval \
    " ELSE 0.0 END"
#define VARIANCES_BYTES(blocks, bytes, interval) \
    VARIANCES_SMALL(blocks, bytes, interval, "abs(1.0 * " bytes ")")
#define VARIANCES_SOME(some, blocks, bytes, interval)                                                  \
    VARIANCES_SMALL(blocks, bytes, interval,                                                           \
                    "abs(1.0 * " some ") * abs(" blocks " / (abs(1.0 * " bytes ") + abs(1.0 * " blocks \
                    ")))")
#define VARIANCES_BLOCKS(blocks, bytes, interval) VARIANCES_SOME(blocks, blocks, bytes, interval)

/* The same in C: of so many blocks with so many bytes. */
struct variances_model {
    double blocks, bytes;
};
struct variances_model variances_model(int64_t blocks, int64_t bytes, int64_t interval);

/* "+-0.9 MiB" of a number of bytes, "+-1,234" of any other, '' for 0; out: UNITS_SIZE. */
char *variances_text_of(char *out, double variance, int is_bytes, int plain);

/* Writes "bytes_error" and the like, members beside those of measures_json(); and, for a row that is sorted by a
 * measure, whether too few samples are behind it. Nothing in an exact run, nor where v is NULL. */
void variances_json(struct json *json, const struct run *run, const struct variances *v);
void variances_json_few(struct json *json, const struct run *run, const struct store_measures *m,
                        const struct variances *v, enum measure by);

/* "+-0.9 MiB", "too few samples", or '' where the number is exact; out: UNITS_SIZE. */
char *variances_text(char *out, const struct store_measures *m, const struct variances *v,
                     enum measure measure, int plain);

#endif
