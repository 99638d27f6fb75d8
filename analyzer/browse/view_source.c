/* view_source.c - a source file with what each line allocates, opened at one of its lines. source_file.h
 * decides whether a file may be shown. */
#define _GNU_SOURCE
#include "source.h"
#include "source_lines.h"
#include "amounts.h"
#include "cells.h"
#include "screen.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TEXT_LEAST 60 /* columns that numbers leave for the text and its line number */

struct view_source {
    struct view view;
    char *file;
    int64_t line; /* the line to open it at */
    enum source_state state;
    struct source_lines source;
    struct lines lines;        /* all lines of the run; of_line has only those of this file */
    struct line_row **of_line; /* by line number: its largest row; NULL = it allocates nothing */
    struct line_sum {
        struct store_measures m;
        struct variances v;
    } * sums;                    /* by line number: over all its functions and template instances */
    struct store_measures whole; /* of the run */
    struct amounts amounts;
};

/* ---- reading --------------------------------------------------------------------------------- */

/* Reads the file only once: text that was changed after the run began is never shown. */
static void read_text(struct browse *browse, struct view_source *v)
{
    const char *text;
    size_t size;

    v->state = source_whole(&browse->run, v->file, &text, &size);
    if (v->state == SOURCE_FINE)
        source_lines_split(&v->source, text, size);
}

static void count_lines(struct view_source *v)
{
    free(v->of_line);
    free(v->sums);
    v->of_line = calloc(v->source.count + 1, sizeof(*v->of_line));
    v->sums = calloc(v->source.count + 1, sizeof *v->sums);
    for (size_t i = 0; i < v->lines.count; i++) {
        struct line_row *row = &v->lines.rows[i];
        size_t at = row->line > 0 ? (size_t)row->line - 1 : v->source.count;

        if (at >= v->source.count || row->file == NULL || strcmp(row->file, v->file) != 0)
            continue;
        if (v->of_line[at] == NULL) /* the largest comes first */
            v->of_line[at] = row;
        measures_add(&v->sums[at].m, &row->m);
        variances_add(&v->sums[at].v, &row->v);
    }
}

static int read(struct browse *browse, struct view *view)
{
    struct view_source *v = (struct view_source *)view;
    const struct lines_query query = {
        .run = &browse->run, .group = GROUP_LINE, .by = browse->by, .filter = browse->filter};
    struct lines lines = {0};
    int status = lines_read(browse->report, &query, &lines), first = view->age == 0;

    lines_free(&v->lines);
    v->lines = lines;
    v->whole = lines.sum;
    if (first)
        read_text(browse, v);
    count_lines(v);
    view->rows = v->source.count;
    if (first && v->line > 0 && (size_t)v->line <= v->source.count)
        view->selected = (size_t)v->line - 1;
    if (first) /* centred, to show its surroundings */
        view->first =
            view->selected > (size_t)browse->page / 2 ? view->selected - (size_t)browse->page / 2 : 0;
    return status;
}

/* ---- showing --------------------------------------------------------------------------------- */

static char *title(struct browse *browse, struct view *view)
{
    const struct line_row file = {.file = ((struct view_source *)view)->file};
    char *place = cells_place_cut(browse, &file, screen_columns() / 2),
         *text = text_make("%s by %s", place, measures[browse->by].by);

    free(place);
    return text;
}

static const char *empty(struct browse *browse, struct view *view)
{
    (void)browse;
    switch (((struct view_source *)view)->state) {
    case SOURCE_CHANGED:
        return "The file has changed since the run: its lines may be others now.";
    case SOURCE_HIDDEN:
        return "It is not shown: this run was not recorded here (--source DIR or --source any shows it).";
    case SOURCE_MISSING:
        return "There is no such file here, or it cannot be read.";
    default:
        return "The file is empty.";
    }
}

static void head(struct browse *browse, struct view *view, int y)
{
    struct view_source *v = (struct view_source *)view;

    v->amounts = amounts_fit(browse, &v->whole, TEXT_LEAST);
    amounts_head(&v->amounts, y);
    screen_put(y, v->amounts.columns, screen_columns(), LOOK_HEAD, " LINE  SOURCE");
}

static void row(struct browse *browse, struct view *view, size_t at, int y)
{
    const struct view_source *v = (const struct view_source *)view;
    char *text = source_lines_text(&v->source, at), number[24];
    int allocates = v->of_line[at] != NULL;

    if (allocates)
        amounts_row(browse, &v->amounts, &v->sums[at].m, &v->sums[at].v, &v->whole, y);
    snprintf(number, sizeof number, "%zu", at + 1);
    screen_put_right(y, v->amounts.columns, 5, LOOK_DIM, number);
    screen_put(y, v->amounts.columns + 7, screen_columns(), allocates ? LOOK_BOLD : LOOK_PLAIN, text);
    free(text);
}

static char *text(struct browse *browse, struct view *view, size_t at)
{
    (void)browse;
    return source_lines_text(&((struct view_source *)view)->source, at);
}

/* Goes to the next or the previous line that allocates. */
static void step(struct browse *browse, struct view_source *v, int forward)
{
    size_t at = v->view.selected;

    do
        at = forward ? at + 1 : at - 1; /* before the first it wraps to a very large number */
    while (at < v->source.count && v->of_line[at] == NULL);
    if (at < v->source.count)
        v->view.selected = at;
    else
        browse_say(browse, "No line %s allocates.", forward ? "below" : "above");
}

static int key(struct browse *browse, struct view *view, int pressed)
{
    struct view_source *v = (struct view_source *)view;

    if (view->selected >= view->rows)
        return 0;
    if (pressed == ']' || pressed == '[') {
        step(browse, v, pressed == ']');
        return 1;
    }
    const struct line_row *line = v->of_line[view->selected];

    if (pressed == 'e')
        return 1;
    if (line == NULL && (pressed == SCREEN_ENTER || pressed == SCREEN_RIGHT || pressed == 'f')) {
        browse_say(browse, "This line allocates nothing: ] goes to the next that does.");
        return 1;
    }
    return line != NULL && view_line_key(browse, line, pressed);
}

static void release(struct view *view)
{
    struct view_source *v = (struct view_source *)view;

    lines_free(&v->lines);
    free(v->file);
    source_lines_free(&v->source);
    free(v->of_line);
    free(v->sums);
}

struct view *view_source_new(const char *file, int64_t line)
{
    static const struct view_key keys[] = {
        {"Enter", "callers"}, {"]", "next that allocates"}, {"f", "function"}, {"s", "sort"}, {0}};
    static const struct view_kind kind = {keys, 0,    read, NULL, title, empty,
                                          NULL, head, row,  text, key,   release};
    struct view_source *v = calloc(1, sizeof *v);

    v->view.kind = &kind;
    v->file = strdup(file);
    v->line = line;
    return &v->view;
}
