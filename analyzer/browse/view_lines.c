/* view_lines.c - the table of lines or functions that trace-report top prints. */
#define _GNU_SOURCE
#include "amounts.h"
#include "callers.h"
#include "cells.h"
#include "screen.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct view_lines {
    struct view view;
    enum group group;
    int inclusive; /* functions with everything that they call */
    struct lines lines;
    struct amounts amounts; /* as last drawn */
    struct cells cells;
};

/* The same order as in trace-report top. */
static int by_size(const void *a, const void *b, void *measure)
{
    const struct line_row *x = a, *y = b;
    int c = measures_compare(&x->m, &y->m, *(const enum measure *)measure);

    if (c != 0)
        return c;
    if ((x->file == NULL) != (y->file == NULL))
        return x->file == NULL ? -1 : 1;
    c = x->file != NULL ? strcmp(x->file, y->file) : 0;
    if (c == 0)
        c = (x->line > y->line) - (x->line < y->line);
    if (c == 0)
        c = strcmp(x->function, y->function);
    return c != 0 ? c : strcmp(x->module, y->module);
}

static void sort(struct browse *browse, struct view *view)
{
    struct view_lines *v = (struct view_lines *)view;

    if (v->lines.count > 0)
        qsort_r(v->lines.rows, v->lines.count, sizeof *v->lines.rows, by_size, &browse->by);
}

static int read(struct browse *browse, struct view *view)
{
    struct view_lines *v = (struct view_lines *)view;
    struct lines lines = {0};
    const struct lines_query query = {.run = &browse->run,
                                      .group = v->group,
                                      .by = browse->by,
                                      .inclusive = v->inclusive,
                                      .filter = browse->filter};
    int status = lines_read(browse->report, &query, &lines);

    if (status != EXIT_FINE) {
        lines_free(&lines);
        return status;
    }
    for (size_t i = 0; view->selected < v->lines.count && i < lines.count; i++)
        if (callers_same_line(&lines.rows[i], &v->lines.rows[view->selected])) {
            view->selected = i;
            break;
        }
    lines_free(&v->lines);
    v->lines = lines;
    view->rows = lines.count;
    return EXIT_FINE;
}

static char *title(struct browse *browse, struct view *view)
{
    const struct view_lines *v = (const struct view_lines *)view;
    return text_make("%s by %s%s", v->group == GROUP_LINE ? "Lines" : "Functions", measures[browse->by].by,
                     v->inclusive ? ", with all that they call" : "");
}

static const char *empty(struct browse *browse, struct view *view)
{
    (void)view;
    return browse->run.t.m.allocations > 0      ? "Nothing in it matches."
           : browse->run.state == RUN_RECORDING ? "Nothing has been allocated yet."
                                                : "It allocated nothing that could be seen.";
}

static void head(struct browse *browse, struct view *view, int y)
{
    struct view_lines *v = (struct view_lines *)view;

    v->amounts = amounts_fit(browse, &v->lines.sum, CELLS_LEAST);
    v->cells =
        cells_fit(browse, v->lines.rows, v->lines.count, v->group == GROUP_FUNCTION, v->amounts.columns);
    amounts_head(&v->amounts, y);
    cells_head(&v->cells, y);
}

static void row(struct browse *browse, struct view *view, size_t at, int y)
{
    const struct view_lines *v = (const struct view_lines *)view;

    amounts_row(browse, &v->amounts, &v->lines.rows[at].m, &v->lines.rows[at].v, &v->lines.sum, y);
    cells_row(browse, &v->cells, &v->lines.rows[at], y);
}

static char *text(struct browse *browse, struct view *view, size_t at)
{
    return cells_text(browse, &((struct view_lines *)view)->lines.rows[at]);
}

static int key(struct browse *browse, struct view *view, int pressed)
{
    struct view_lines *v = (struct view_lines *)view;

    if (pressed == 'x' && v->group == GROUP_FUNCTION) {
        v->inclusive = !v->inclusive;
        view->age = 0;
        return 1;
    }
    if (view->selected >= v->lines.count)
        return 0;
    const struct line_row *selected = &v->lines.rows[view->selected];

    if (v->group == GROUP_FUNCTION && (pressed == SCREEN_ENTER || pressed == SCREEN_RIGHT))
        pressed = 'f';
    return view_line_key(browse, selected, pressed);
}

static void release(struct view *view)
{
    lines_free(&((struct view_lines *)view)->lines);
}

int view_line_key(struct browse *browse, const struct line_row *selected, int pressed)
{
    switch (pressed) {
    case SCREEN_ENTER:
    case SCREEN_RIGHT:
        view_enter(browse, view_callers_new(selected));
        return 1;
    case 'e':
        if (selected->file == NULL)
            browse_say(browse, "No source is known of it.");
        else
            view_enter(browse, view_source_new(selected->file, selected->line));
        return 1;
    case 'f':
        view_enter(browse, view_neighbours_new(selected->function));
        return 1;
    default:
        return 0;
    }
}

struct view *view_lines_new(int functions)
{
    static const struct view_key keys[2][6] = {
        {{"Enter", "callers"}, {"e", "source"}, {"f", "function"}, {"s", "sort"}, {0}},
        {{"Enter", "callers, callees"}, {"e", "source"}, {"x", "inclusive"}, {"s", "sort"}, {0}},
    };
    static const struct view_kind kinds[2] = {
        {keys[0], 0, read, sort, title, empty, NULL, head, row, text, key, release},
        {keys[1], 0, read, sort, title, empty, NULL, head, row, text, key, release},
    };
    struct view_lines *v = calloc(1, sizeof *v);

    v->view.kind = &kinds[functions != 0];
    v->group = functions ? GROUP_FUNCTION : GROUP_LINE;
    return &v->view;
}
