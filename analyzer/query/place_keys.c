/* place_keys.c - see place_keys.h. */
#define _GNU_SOURCE
#include "place_keys.h"

#include <stdlib.h>
#include <string.h>

int place_keys_compare(const struct profile_place *a, const struct profile_place *b, int by_line)
{
    int c = strcmp(a->function, b->function);

    if (c == 0)
        c = strcmp(a->file != NULL ? a->file : "", b->file != NULL ? b->file : "");
    if (c == 0 && by_line)
        c = (a->line > b->line) - (a->line < b->line);
    return c != 0 ? c : strcmp(a->module, b->module);
}

struct order {
    const struct profile_place *places;
    int by_line;
};

static int compare(const void *a, const void *b, void *context)
{
    const struct order *order = context;

    return place_keys_compare(&order->places[*(const uint32_t *)a], &order->places[*(const uint32_t *)b],
                              order->by_line);
}

uint32_t *place_keys(const struct profile *profile, int by_line)
{
    size_t count = profile->place_count;
    uint32_t *keys = malloc((count + 1) * sizeof *keys), *sorted = malloc((count + 1) * sizeof *sorted);
    struct order order = {profile->places, by_line};

    for (uint32_t i = 0; i < count; i++)
        sorted[i] = i;
    qsort_r(sorted, count, sizeof *sorted, compare, &order);
    for (size_t i = 0; i < count; i++)
        keys[sorted[i]] =
            i > 0 && compare(&sorted[i - 1], &sorted[i], &order) == 0 ? keys[sorted[i - 1]] : sorted[i];
    free(sorted);
    return keys;
}
