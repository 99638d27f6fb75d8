/* variances.c - see variances.h. */
#include "variances.h"
#include "sampling.h"
#include "units.h"

#include <math.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

#define ERROR_MOST 9e18 /* as a whole number it fits into 64 bits */

void variances_add(struct variances *sum, const struct variances *v)
{
    for (int i = 0; i < MEASURES; i++)
        sum->of[i] = measures[i].is_least ? fmax(sum->of[i], v->of[i]) : sum->of[i] + v->of[i];
}

void variances_take(struct variances *sum, const struct variances *part)
{
    for (int i = 0; i < MEASURES; i++)
        sum->of[i] = fmax(sum->of[i] - part->of[i], 0);
}

double variances_error(const struct variances *v, enum measure measure)
{
    return fmin(sqrt(v->of[measure]), ERROR_MOST);
}

double variances_bytes(const struct variances *v, enum measure measure)
{
    return v->of[measures[measure].is_bytes ? measure : measures[measure].beside];
}

double variances_count(const struct variances *v, enum measure measure)
{
    return v->of[measures[measure].is_bytes ? measures[measure].beside : measure];
}

int variances_too_few(const struct store_measures *m, const struct variances *v, enum measure measure)
{
    double value = (double)measure_value(m, measure);

    return v->of[measure] > 0 && value * value < VARIANCES_SAMPLES * v->of[measure];
}

int variances_explain(double difference, double variance_a, double variance_b)
{
    return fabs(difference) < 2 * sqrt(variance_a + variance_b);
}

/* ---- reading --------------------------------------------------------------------------------- */

struct variances variances_columns(const struct run *run, sqlite3_stmt *s, int first)
{
    struct variances v = {{0}};

    if (!sampling_is_on(run))
        return v;
    for (int i = 0; i < MEASURES; i++) {
        double value = sqlite3_column_double(s, first + i); /* the file may be a stranger's */

        v.of[i] = value >= 0 ? fmin(value, STORE_VARIANCE_MAX) : 0;
    }
    return v;
}

const char *variances_sql(const struct run *run)
{
    return sampling_is_on(run) ? ", {measures: #_variance}" : "";
}

const char *variances_sql_sum(const struct run *run)
{
    return sampling_is_on(run) ? ", {measures: add(#_variance) AS #_variance}" : "";
}

/* ---- showing --------------------------------------------------------------------------------- */

void variances_json(struct json *json, const struct run *run, const struct variances *v)
{
    char name[64];

    for (int i = 0; i < MEASURES && sampling_is_on(run) && v != NULL; i++) {
        snprintf(name, sizeof name, "%s_error", measures[i].name);
        if (run->window.set && !measure_sampled(i))
            json_null(json, name);
        else
            json_number(json, name, llround(variances_error(v, i)));
    }
}

void variances_json_few(struct json *json, const struct run *run, const struct store_measures *m,
                        const struct variances *v, enum measure by)
{
    if (sampling_is_on(run))
        json_true(json, "too_few_samples", variances_too_few(m, v, by));
}

struct variances_model variances_model(int64_t blocks, int64_t bytes, int64_t interval)
{
    double n = fabs((double)blocks), m = fabs((double)bytes), r = (double)interval;

    if (m >= n * r)
        return (struct variances_model){0, 0};
    return (struct variances_model){n * (n / (m + n)) * r, m * r};
}

char *variances_text_of(char *out, double variance, int is_bytes, int plain)
{
    char error[UNITS_SIZE];
    int64_t value = llround(fmin(sqrt(variance), ERROR_MOST));

    *out = '\0';
    if (variance == 0)
        return out;
    if (is_bytes)
        units_bytes(error, value, plain);
    else
        units_count(error, value);
    snprintf(out, UNITS_SIZE, "+-%.*s", UNITS_SIZE - 3, error);
    return out;
}

char *variances_text(char *out, const struct store_measures *m, const struct variances *v,
                     enum measure measure, int plain)
{
    if (variances_too_few(m, v, measure))
        return strcpy(out, "too few samples");
    return variances_text_of(out, v->of[measure], measures[measure].is_bytes, plain);
}
