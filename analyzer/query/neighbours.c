/* neighbours.c - see neighbours.h. */
#define _GNU_SOURCE
#include "neighbours.h"
#include "fold.h"
#include "place_keys.h"

#include <stdlib.h>
#include <string.h>

/* The place next to the function in a stack, and the stack's measures; PROFILE_NONE = there is none. */
struct beside {
    uint32_t place;
    struct store_measures m;
    struct variances v;
};

struct walk {
    const struct profile *profile;
    const unsigned char *is_it; /* by place: whether it is the function */
};

/* Finds caller and callee, as places; false if the function is not in the stack. */
static int look(const struct walk *walk, uint32_t node, uint32_t *caller, uint32_t *callee)
{
    const struct profile *p = walk->profile;
    uint32_t before = PROFILE_NONE; /* the last place that is shown, further in */
    int found = 0, last_was_it = 0;

    *caller = *callee = PROFILE_NONE;
    for (; node != PROFILE_NONE; node = p->nodes[node].parent) {
        const struct profile_frame *frame = &p->frames[p->nodes[node].frame];

        for (uint32_t k = 0; k < frame->count; k++) {
            uint32_t place = p->frame_places[frame->first + k];

            if (!walk->is_it[place] && !fold_shows(p, node, k))
                continue;
            if (walk->is_it[place] && !found) {
                *callee = before;
                found = 1;
            }
            if (last_was_it)
                *caller = walk->is_it[place] ? PROFILE_NONE : place;
            last_was_it = walk->is_it[place];
            before = place;
        }
    }
    if (last_was_it)
        *caller = PROFILE_NONE; /* the function is the outermost place */
    return found;
}

/* ---- adding up ------------------------------------------------------------------------------- */

static const struct profile *sorted_profile;

static int compare_places(uint32_t x, uint32_t y)
{
    const struct profile_place *a = x != PROFILE_NONE ? &sorted_profile->places[x] : NULL,
                               *b = y != PROFILE_NONE ? &sorted_profile->places[y] : NULL;

    if (a == NULL || b == NULL)
        return (a != NULL) - (b != NULL);
    return place_keys_compare(a, b, 1);
}

static int by_place(const void *a, const void *b)
{
    return compare_places(((const struct beside *)a)->place, ((const struct beside *)b)->place);
}

static enum measure sorted_by;

static int by_value(const void *a, const void *b)
{
    const struct beside *x = a, *y = b;
    int c = measures_compare(&x->m, &y->m, sorted_by);

    return c != 0 ? c : by_place(a, b);
}

static void add_to(struct beside *sum, const struct beside *one)
{
    measures_add(&sum->m, &one->m);
    variances_add(&sum->v, &one->v);
}

/* Adds up those with the same place, and sorts by size. Returns how many are left. */
static size_t add_up(const struct profile *profile, enum measure by, struct beside *list, size_t count)
{
    size_t n = 0;

    sorted_profile = profile;
    sorted_by = by;
    if (count > 0)
        qsort(list, count, sizeof *list, by_place);
    for (size_t i = 0; i < count; i++)
        if (n > 0 && compare_places(list[n - 1].place, list[i].place) == 0)
            add_to(&list[n - 1], &list[i]);
        else
            list[n++] = list[i];
    if (n > 0)
        qsort(list, n, sizeof *list, by_value);
    return n;
}

static void to_lines(const struct profile *profile, const struct lines_query *query,
                     const struct beside *list, size_t count, const char *nobody, const struct beside *sum,
                     struct lines *lines)
{
    size_t kept = query->limit > 0 && count > query->limit ? query->limit : count;

    lines->all = count;
    lines->sum = sum->m;
    lines->sum_v = sum->v;
    lines->rows = calloc(kept + 1, sizeof *lines->rows);
    for (size_t i = 0; i < kept; i++) {
        const struct profile_place *place =
            list[i].place != PROFILE_NONE ? &profile->places[list[i].place] : NULL;
        struct line_row *row = &lines->rows[lines->count++];

        row->file = place != NULL && place->file != NULL ? strdup(place->file) : NULL;
        row->line = place != NULL ? place->line : 0;
        row->function = strdup(place != NULL ? place->function : nobody);
        row->module = strdup(place != NULL ? place->module : "");
        row->language = strdup(place != NULL ? place->language : "");
        row->m = list[i].m;
        row->v = list[i].v;
    }
}

void neighbours_of(const struct profile *p, const struct lines_query *query, const unsigned char *is_it,
                   struct neighbours *n)
{
    const struct walk walk = {p, is_it};
    struct beside *callers = calloc(p->site_count + 1, sizeof *callers),
                  *callees = calloc(p->site_count + 1, sizeof *callees);
    struct beside sum = {0};
    size_t count = 0;

    for (size_t i = 0; i < p->site_count; i++) {
        if (!look(&walk, p->sites[i].node, &callers[count].place, &callees[count].place))
            continue;
        callers[count].m = callees[count].m = p->sites[i].m;
        if (p->variances != NULL)
            callers[count].v = callees[count].v = p->variances[i];
        add_to(&sum, &callers[count]);
        if (callees[count].place == PROFILE_NONE) {
            measures_add(&n->own, &callees[count].m);
            variances_add(&n->own_v, &callees[count].v);
        }
        count++;
    }
    to_lines(p, query, callers, add_up(p, query->by, callers, count), "(nobody)", &sum, &n->callers);
    to_lines(p, query, callees, add_up(p, query->by, callees, count), "(itself)", &sum, &n->callees);
    free(callers);
    free(callees);
}

int neighbours_read(const struct report *report, const struct lines_query *query, const char *function,
                    struct neighbours *neighbours)
{
    const struct profile_query all = {.run = query->run, .filter = query->filter};
    struct profile profile = {0};
    int status = profile_load(report, &all, &profile);
    unsigned char *is_it = calloc(profile.place_count + 1, 1);

    *neighbours = (struct neighbours){0};
    for (size_t i = 0; status == EXIT_FINE && i < profile.place_count; i++) {
        is_it[i] = (unsigned char)filter_function_matches(function, profile.places[i].function);
        neighbours->functions += is_it[i];
    }
    if (status == EXIT_FINE) {
        fold_frames(&profile, query->all_frames, query->filter->below);
        neighbours_of(&profile, query, is_it, neighbours);
    }
    free(is_it);
    profile_free(&profile);
    return status;
}

void neighbours_free(struct neighbours *neighbours)
{
    lines_free(&neighbours->callers);
    lines_free(&neighbours->callees);
}
