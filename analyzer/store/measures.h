/* measures.h - everything that is counted, in one list: measures.def.
 *
 * It generates struct store_measures, the columns of the tables and public views (measures_sql.c), the
 * messages between the two processes of a collector (analyzer/rows), and what reports, exports and the
 * page show and sort by. To add a measure: a row there, its value where sites become rows of the database
 * (collector/site_rows.c), a higher STORE_VERSION, and in older.c what stands for it in files of older
 * formats.
 */
#ifndef LIBTRACE_MEASURES_H
#define LIBTRACE_MEASURES_H

#include <stdbool.h>
#include <stdint.h>

/* One number for each measure. */
struct store_measures {
#define MEASURE(name, ...) int64_t name;
#include "measures.def"
#undef MEASURE
};

enum measure {
#define MEASURE(name, ...) MEASURE_##name,
#include "measures.def"
#undef MEASURE
    MEASURES
};

/* What is known of a measure for a part of a run's time. */
enum measure_time {
    MEASURE_WHOLE,   /* nothing: it is known for whole runs only */
    MEASURE_FLOW,    /* what was added in that time: a difference of two samples */
    MEASURE_LEVEL,   /* what was live at its end: a difference from the run's start, which may be below 0 */
    MEASURE_AT_PEAK, /* nothing exact; the page shows what `level` was when its total was highest */
};

struct measure_row {
    const char *name;       /* of columns and of members of JSON */
    bool is_bytes;          /* false: it counts blocks */
    enum measure_time time; /* MEASURE_FLOW and MEASURE_LEVEL are in the table site_sample */
    enum measure level;     /* for MEASURE_AT_PEAK: which measure to show for a part of a run */
    bool sites_only;        /* runs and processes have no column for it: for them it equals */
    enum measure of_run;    /* this measure */
    const char *before; /* SQL: the value for a site in a file of an older format, see older.c; NULL = 0 */
    bool is_least; /* sites are combined by the largest value, not the sum: a lower bound of all together */
    enum measure least;         /* where sums are upper bounds: the measure with the lower bound; 0 = exact */
    bool estimated;             /* table site_error has a column for its variance */
    const char *heading;        /* of a column of a text table */
    const char *noun;           /* one unit of what is counted; NULL = bytes */
    const char *called;         /* what it is called for a whole run */
    const char *called_unfreed; /* instead, where a process ended before the run; NULL = the same */

    /* The rest is for measures that reports sort by and the page shows; others have neither place nor
     * name. */
    int place;            /* order among these, from 1 */
    const char *by;       /* --by NAME */
    enum measure beside;  /* shown in the next column: the blocks for bytes, the bytes for blocks */
    enum measure more[3]; /* shown in the columns after that, as far as there is room; 0 = none */
    const char *verb, *of, *as,
        *does;           /* "A VERB 2 times OF B", "A VERB exactly AS B DOES"; does: NULL = "" */
    const char *pprof;   /* the name of its pprof sample type; measures without a place may have one too */
    const char *between; /* "12 MiB BETWEEN 3 blocks"; NULL = "in" */
    const char *title;   /* on the page */
    const char *brief;   /* for the foot of a table, in a few words; NULL = the name is clear enough */
    const char *about, *about_part; /* explains the number before it: for a run, for a part of one */
};

extern const struct measure_row measures[MEASURES];

static inline int64_t *measures_values(struct store_measures *m)
{
    return (int64_t *)m;
}

static inline int64_t measure_value(const struct store_measures *m, enum measure measure)
{
    return ((const int64_t *)m)[measure];
}

/* True if it is known for parts of a run, from the table site_sample. */
static inline bool measure_sampled(enum measure measure)
{
    return measures[measure].time == MEASURE_FLOW || measures[measure].time == MEASURE_LEVEL;
}

/* True if table site_error has its variance, in a run of which a sample was taken. */
static inline bool measure_estimated(enum measure measure)
{
    return measures[measure].estimated;
}

/* Sets the measures that runs and processes have no column for. */
void measures_of_run(struct store_measures *m);

/* The measure with that place; MEASURES if there is none. */
enum measure measure_at(int place);

/* Bytes and blocks of a measure: its own, or those of the measure beside it. measure_bytes() is -1 where
 * there are none. */
bool measure_has_bytes(enum measure measure);
int64_t measure_bytes(const struct store_measures *m, enum measure measure);
int64_t measure_count(const struct store_measures *m, enum measure measure);

/* False if the value is an upper bound only. */
bool measure_is_exact(const struct store_measures *m, enum measure measure);

/* For qsort(): the larger value of a measure comes first; where it is the same, the one with more bytes. */
int measures_compare(const struct store_measures *a, const struct store_measures *b, enum measure by);

/* Numbers in a stranger's file may be of any size: sums wrap around instead of being undefined. */
void measures_add(struct store_measures *sum, const struct store_measures *m);
void measures_subtract(struct store_measures *sum, const struct store_measures *m);

/* Writes out lists of measures in SQL. The result is freed with sqlite3_free(); NULL = out of memory:
 *
 *      {measures: sum(s.#) AS #}   is   sum(s.allocations) AS allocations, sum(s.bytes) AS bytes, ...
 *
 * add(#) is sum(...), or max(...) for a measure with is_least. {measures: ...} lists all of them, {totals:
 * ...} those that runs and processes have columns for, {sampled: ...} those that are known for parts of a
 * run, {whole: ...} those that are not, {estimated: ...} those whose variance is known in a sampled run,
 * {key: ...} the columns that tell sites apart.
 */
char *measures_sql(const char *sql);

#endif
