/* measures.c - see measures.h. */
#include "measures.h"
#include "site_key.h"

#include <stddef.h>

const struct measure_row measures[MEASURES] = {
#define MEASURE(id, ...) [MEASURE_##id] = {.name = #id, __VA_ARGS__},
#include "measures.def"
#undef MEASURE
};

const char *const site_key_names[SITE_KEY_MEMBERS] = {"node", "process", "thread"};

_Static_assert(sizeof(struct store_measures) == MEASURES * sizeof(int64_t), "they are an array, too");

void measures_of_run(struct store_measures *m)
{
    for (int i = 0; i < MEASURES; i++)
        if (measures[i].sites_only)
            measures_values(m)[i] = measure_value(m, measures[i].of_run);
}

enum measure measure_at(int place)
{
    int measure = 0;

    while (measure < MEASURES && measures[measure].place != place)
        measure++;
    return (enum measure)measure;
}

bool measure_has_bytes(enum measure measure)
{
    return measures[measure].is_bytes || measures[measures[measure].beside].is_bytes;
}

int64_t measure_bytes(const struct store_measures *m, enum measure measure)
{
    return !measure_has_bytes(measure)
               ? -1
               : measure_value(m, measures[measure].is_bytes ? measure : measures[measure].beside);
}

int64_t measure_count(const struct store_measures *m, enum measure measure)
{
    return measure_value(m, measures[measure].is_bytes ? measures[measure].beside : measure);
}

bool measure_is_exact(const struct store_measures *m, enum measure measure)
{
    enum measure least = measures[measure].least;

    return !measures[least].is_least || measure_value(m, least) == measure_value(m, measure);
}

int measures_compare(const struct store_measures *a, const struct store_measures *b, enum measure by)
{
    int64_t v = measure_value(a, by), w = measure_value(b, by);

    return v != w ? (v < w) - (v > w) : (a->bytes < b->bytes) - (a->bytes > b->bytes);
}

void measures_add(struct store_measures *sum, const struct store_measures *m)
{
    for (int i = 0; i < MEASURES; i++) {
        int64_t *to = &measures_values(sum)[i], value = measure_value(m, i);

        if (!measures[i].is_least)
            *to = (int64_t)((uint64_t)*to + (uint64_t)value);
        else if (value > *to)
            *to = value;
    }
}

void measures_subtract(struct store_measures *sum, const struct store_measures *m)
{
    for (int i = 0; i < MEASURES; i++)
        measures_values(sum)[i] =
            measures[i].is_least ? 0
                                 : (int64_t)((uint64_t)measure_value(sum, i) - (uint64_t)measure_value(m, i));
}
