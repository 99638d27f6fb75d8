/* view_neighbours.c - a function with its callers and callees, each with everything that is allocated on
 * that way. */
#define _GNU_SOURCE
#include "neighbours.h"
#include "amounts.h"
#include "callers.h"
#include "cells.h"
#include "screen.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct view_neighbours {
    struct view view;
    char *function;
    struct neighbours found;
    struct amounts amounts;
    struct cells cells;
};

/* What a row shows: a heading, a caller or a callee. */
struct at {
    int callees;
    const struct line_row *row; /* NULL = the heading */
};

static struct at at_row(const struct view_neighbours *v, size_t row)
{
    const struct lines *callers = &v->found.callers, *callees = &v->found.callees;

    if (row <= callers->count)
        return (struct at){0, row > 0 ? &callers->rows[row - 1] : NULL};
    row -= callers->count + 1;
    return (struct at){1, row > 0 && row <= callees->count ? &callees->rows[row - 1] : NULL};
}

/* Selects the same row as before. */
static void select_again(struct view_neighbours *v, const struct at *before)
{
    for (size_t i = 0; before->row != NULL && i < v->view.rows; i++) {
        const struct at now = at_row(v, i);

        if (now.row != NULL && now.callees == before->callees && callers_same_line(now.row, before->row)) {
            v->view.selected = i;
            return;
        }
    }
}

static int read(struct browse *browse, struct view *view)
{
    struct view_neighbours *v = (struct view_neighbours *)view, old = *v;
    const struct lines_query query = {.run = &browse->run, .by = browse->by, .filter = browse->filter};
    const struct at before = at_row(&old, view->selected);
    int first = view->age == 0, status = look_profile(browse);
    size_t count = browse->profile.place_count;

    v->found = (struct neighbours){0};
    if (status == EXIT_FINE) {
        unsigned char *is_it = calloc(count + 1, 1);

        for (size_t i = 0; i < count; i++)
            is_it[i] = strcmp(browse->profile.places[i].function, v->function) == 0;
        neighbours_of(&browse->profile, &query, is_it, &v->found);
        free(is_it);
    }
    view->rows = v->found.callers.count > 0 ? v->found.callers.count + v->found.callees.count + 2 : 0;
    if (first)
        view->selected = 1;
    else
        select_again(v, &before);
    neighbours_free(&old.found);
    return status;
}

static enum measure sorted_by;

static int by_size(const void *a, const void *b)
{
    const struct line_row *x = a, *y = b;
    int c = measures_compare(&x->m, &y->m, sorted_by);

    return c != 0 ? c : strcmp(x->function, y->function);
}

static void sort(struct browse *browse, struct view *view)
{
    struct view_neighbours *v = (struct view_neighbours *)view;

    sorted_by = browse->by;
    if (v->found.callers.count > 0)
        qsort(v->found.callers.rows, v->found.callers.count, sizeof *v->found.callers.rows, by_size);
    if (v->found.callees.count > 0)
        qsort(v->found.callees.rows, v->found.callees.count, sizeof *v->found.callees.rows, by_size);
}

/* "12.4 MiB +-0.9 MiB"; out: 2 * UNITS_SIZE. */
static char *amount(const struct browse *browse, char *out, const struct store_measures *m,
                    const struct variances *v)
{
    char error[UNITS_SIZE];

    units_measure(out, m, browse->by, browse->report->bytes);
    variances_text(error, m, v, browse->by, browse->report->bytes);
    if (*error != '\0')
        snprintf(out + strlen(out), UNITS_SIZE, " %.*s", UNITS_SIZE - 2, error);
    return out;
}

static char *title(struct browse *browse, struct view *view)
{
    const struct view_neighbours *v = (const struct view_neighbours *)view;
    char all[2 * UNITS_SIZE], own[2 * UNITS_SIZE];

    return text_make("%s: %s with what it calls, %s itself", v->function,
                     amount(browse, all, &v->found.callers.sum, &v->found.callers.sum_v),
                     amount(browse, own, &v->found.own, &v->found.own_v));
}

static const char *empty(struct browse *browse, struct view *view)
{
    (void)browse;
    (void)view;
    return "It is in no stack that is looked at.";
}

static void head(struct browse *browse, struct view *view, int y)
{
    struct view_neighbours *v = (struct view_neighbours *)view;

    v->amounts = amounts_fit(browse, &v->found.callers.sum, CELLS_LEAST);
    const struct cells callers =
        cells_fit(browse, v->found.callers.rows, v->found.callers.count, 1, v->amounts.columns);
    const struct cells callees =
        cells_fit(browse, v->found.callees.rows, v->found.callees.count, 1, v->amounts.columns);

    v->cells = callers.width[0] > callees.width[0] ? callers : callees;
    amounts_head(&v->amounts, y);
    cells_head(&v->cells, y);
}

static void row(struct browse *browse, struct view *view, size_t number, int y)
{
    const struct view_neighbours *v = (const struct view_neighbours *)view;
    const struct at at = at_row(v, number);

    if (at.row == NULL) {
        screen_put(y, 0, screen_columns(), LOOK_BOLD, at.callees ? "Calls" : "Called by");
        return;
    }
    amounts_row(browse, &v->amounts, &at.row->m, &at.row->v, &v->found.callers.sum, y);
    cells_row(browse, &v->cells, at.row, y);
}

static char *text(struct browse *browse, struct view *view, size_t number)
{
    const struct at at = at_row((const struct view_neighbours *)view, number);

    return at.row != NULL ? cells_text(browse, at.row) : strdup("");
}

static int key(struct browse *browse, struct view *view, int pressed)
{
    const struct at at = at_row((const struct view_neighbours *)view, view->selected);

    if (at.row == NULL || at.row->language == NULL)
        return 0;
    if (*at.row->language == '\0') { /* not a line of the program: no caller, or the function itself */
        if (pressed == SCREEN_ENTER || pressed == SCREEN_RIGHT || pressed == 'f' || pressed == 'e')
            browse_say(browse, at.callees ? "What it allocates itself: go back, and to its lines."
                                          : "Nobody calls it: stacks begin there.");
        return pressed == SCREEN_ENTER || pressed == SCREEN_RIGHT || pressed == 'f' || pressed == 'e';
    }
    return view_line_key(browse, at.row, pressed == SCREEN_ENTER || pressed == SCREEN_RIGHT ? 'f' : pressed);
}

static void release(struct view *view)
{
    struct view_neighbours *v = (struct view_neighbours *)view;

    neighbours_free(&v->found);
    free(v->function);
}

struct view *view_neighbours_new(const char *function)
{
    static const struct view_key keys[] = {{"Enter", "go there"}, {"e", "source"}, {"s", "sort"}, {0}};
    static const struct view_kind kind = {keys, 0,    read, sort, title, empty,
                                          NULL, head, row,  text, key,   release};
    struct view_neighbours *v = calloc(1, sizeof *v);

    v->view.kind = &kind;
    v->function = strdup(function);
    return &v->view;
}
