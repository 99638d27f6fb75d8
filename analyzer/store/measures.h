/* measures.h - what is counted, as one list: measures.def.
 *
 * From it come struct store_measures, the columns of the tables and of the public views (measures_sql.c), what two
 * processes of a collector send each other (analyzer/rows), and what reports, exports and the page show and sort by.
 * A new measure is a row there; it is filled in where sites become rows of the database (collector/site_rows.c);
 * STORE_VERSION goes up; and older.c says what stands for it in files of before.
 */
#ifndef LIBTRACE_MEASURES_H
#define LIBTRACE_MEASURES_H

#include <stdbool.h>
#include <stdint.h>

/* One number for each. */
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

/* What is known of it in a part of a run's time. */
enum measure_time {
    MEASURE_WHOLE, /* nothing: it is of whole runs only */
    MEASURE_FLOW,  /* what came in that time: a difference */
    MEASURE_LEVEL, /* what stood at its end: a difference from the run's start, which may be below 0 */
    MEASURE_AT_PEAK, /* nothing exact; the page has what stood of another, the level, when that was most in all */
};

struct measure_row {
    const char *name;       /* of columns, of members of JSON */
    bool is_bytes;          /* else it counts blocks */
    enum measure_time time; /* MEASURE_FLOW and MEASURE_LEVEL: sampled, in the table site_sample */
    enum measure level;     /* of MEASURE_AT_PEAK */
    bool sites_only;        /* runs and processes have no column for it: of them it is the same as */
    enum measure of_run;    /* this one */
    const char *before;     /* SQL: what it is of a site in a file without it, see older.c; NULL = 0 */
    bool is_least; /* of several sites the largest is taken, not the sum: of all together no less than that */
    enum measure least;  /* where a sum says no more than that: what says no less; 0 = sums are exact */
    const char *heading; /* of a column of text */
    const char *noun;    /* what is counted, one of it; NULL = bytes */
    const char *called;  /* of a run as a whole */
    const char *called_unfreed; /* instead, where some process of the run ended before it; NULL = the same */

    /* Of those that reports sort by, and the page shows. Others have neither place nor name. */
    int place;            /* among them, from 1 on */
    const char *by;       /* --by NAME */
    enum measure beside;  /* shown in the column after it: its blocks, or its bytes */
    enum measure more[3]; /* and in those after that, as far as there is room; 0 = no more */
    const char *verb, *of, *as,
        *does;           /* "A VERB 2 times OF B", "A VERB exactly AS B DOES"; does: NULL = "" */
    const char *pprof;   /* the type of its samples; others than those may have one, too */
    const char *between; /* "12 MiB BETWEEN 3 blocks"; NULL = "in" */
    const char *title;   /* on the page */
    const char *brief;   /* what it is, in three words, for the foot of a table; NULL = it says so itself */
    const char *about, *about_part; /* what the number before it is: of the run, of a part of it */
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

/* True if it is known of any part of a run, as the table site_sample has it. */
static inline bool measure_sampled(enum measure measure)
{
    return measures[measure].time == MEASURE_FLOW || measures[measure].time == MEASURE_LEVEL;
}

/* Fills in those of a run or a process that have no column. */
void measures_of_run(struct store_measures *m);

/* The one of that place; MEASURES = there is none. */
enum measure measure_at(int place);

/* Bytes and blocks of a measure, be they its own or of the one beside it; bytes are -1 where it has none. */
bool measure_has_bytes(enum measure measure);
int64_t measure_bytes(const struct store_measures *m, enum measure measure);
int64_t measure_count(const struct store_measures *m, enum measure measure);

/* False if all that is known is that it is so much at most. */
bool measure_is_exact(const struct store_measures *m, enum measure measure);

/* Numbers of a stranger's file may be of any size: sums wrap, which for them is as good as anything. */
void measures_add(struct store_measures *sum, const struct store_measures *m);
void measures_subtract(struct store_measures *sum, const struct store_measures *m);

/* SQL in which lists of measures are written out, to be freed by sqlite3_free(); NULL when memory is short:
 *
 *     {measures: sum(s.#) AS #}   is   sum(s.allocations) AS allocations, sum(s.bytes) AS bytes, ...
 *
 * for all of them; add(#) is sum(...), or max(...) of a measure that is_least; {totals: ...} for those of which runs and processes have columns, {sampled: ...} for those that are
 * known of any part of a run, {whole: ...} for those that are not, {key: ...} for what tells sites apart. */
char *measures_sql(const char *sql);

#endif
