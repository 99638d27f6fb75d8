/* view_callers.c - who calls a line: its stacks as a tree, from the line outwards. */
#define _GNU_SOURCE
#include "amounts.h"
#include "callers.h"
#include "cells.h"
#include "names.h"
#include "sampling.h"
#include "screen.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define INDENT 2
#define DEEPEST 20 /* at most this many forks before a row are drawn: the nearest */

struct view_callers {
    struct view view;
    struct line_row line; /* texts are its own */
    struct callers callers;
    struct amounts amounts;
};

static const struct store_measures *whole(const struct view_callers *v)
{
    static const struct store_measures nothing;

    return v->callers.count > 0 ? &v->callers.nodes[0].row.m : &nothing;
}

static void select_node(struct view_callers *v, uint32_t node)
{
    v->view.rows = v->callers.shown_count;
    for (size_t i = 0; i < v->callers.shown_count; i++)
        if (v->callers.shown[i] == node)
            v->view.selected = i;
}

static int read(struct browse *browse, struct view *view)
{
    struct view_callers *v = (struct view_callers *)view;
    struct callers before = v->callers;
    uint32_t selected = view->selected < before.shown_count ? before.shown[view->selected] : 0;
    int status = look_profile(browse);

    v->callers = (struct callers){0};
    view->rows = 0;
    if (status == EXIT_FINE) {
        callers_begin(&v->callers, &browse->profile, browse->keys, browse->by, &v->line);
        if (before.count > 0)
            callers_open_alike(&v->callers, &before, &selected);
        else
            callers_open_most(&v->callers);
        select_node(v, selected);
    }
    callers_free(&before);
    return status;
}

static void sort(struct browse *browse, struct view *view)
{
    struct view_callers *v = (struct view_callers *)view;

    if (sampling_is_on(&browse->run))
        read(browse, view);
    else
        callers_sort(&v->callers, browse->by);
}

static char *title(struct browse *browse, struct view *view)
{
    const struct line_row *line = &((struct view_callers *)view)->line;
    char *place =
        line->file != NULL ? cells_place_cut(browse, line, screen_columns() / 2) : strdup(line->function);
    char *text = text_make("Who calls %s, by %s", place, measures[browse->by].by);

    free(place);
    return text;
}

static const char *empty(struct browse *browse, struct view *view)
{
    (void)browse;
    (void)view;
    return "No stack counts for it any more.";
}

static void head(struct browse *browse, struct view *view, int y)
{
    struct view_callers *v = (struct view_callers *)view;

    v->amounts = amounts_fit(browse, whole(v), CELLS_LEAST);
    amounts_head(&v->amounts, y);
    screen_put(y, v->amounts.columns, screen_columns(), LOOK_HEAD, "CALLED BY");
}

static const char *marker(const struct caller *node)
{
    if (node->outermost)
        return " ";
    return screen_ascii() ? (node->open ? "-" : "+") : node->open ? "\xe2\x96\xbe" : "\xe2\x96\xb8";
}

/* How many forks fit before a row. */
static unsigned levels_of(const struct view_callers *v, const struct caller *node)
{
    int room = (screen_columns() - v->amounts.columns) / (2 * INDENT);
    unsigned most = room < 0 ? 0 : room > DEEPEST ? DEEPEST : (unsigned)room;

    return node->depth < most ? node->depth : most;
}

/* Draws branches: each of several callers has one; an only caller has none. */
static void draw_branches(const struct view_callers *v, uint32_t number, int y, int x)
{
    static const char *const glyphs[2][3] = {{"\xe2\x94\x9c", "\xe2\x94\x94", "\xe2\x94\x82"},
                                             {"|", "`", "|"}};
    const struct caller *nodes = v->callers.nodes;
    const char *const *glyph = glyphs[screen_ascii() != 0];
    uint32_t at = number;

    for (unsigned level = levels_of(v, &nodes[number]); level > 0; at = nodes[at].parent) {
        const struct caller *parent = &nodes[nodes[at].parent];
        int last = at + 1 == parent->first + parent->count;

        if (parent->count < 2)
            continue;
        level--;
        if (at == number || !last)
            screen_cell(y, x + INDENT * (int)level, LOOK_DIM, at != number ? glyph[2] : glyph[last]);
    }
}

/* The function comes first, as that is what one follows in a stack; its place is behind it, dim. */
static void row(struct browse *browse, struct view *view, size_t at, int y)
{
    const struct view_callers *v = (const struct view_callers *)view;
    const struct caller *node = &v->callers.nodes[v->callers.shown[at]];
    int x = v->amounts.columns + INDENT * (int)levels_of(v, node), room = screen_columns() - x - 2;
    char *place = cells_place_cut(browse, &node->row, room), *harmless = text_harmless(node->row.function);
    int wanted = (int)text_width(place) + 2, most = room * 2 / 5;
    char *name = room > 0 ? names_cut(harmless, (size_t)(room - (wanted < most ? wanted : most))) : NULL;

    amounts_row(browse, &v->amounts, &node->row.m, &node->row.v, whole(v), y);
    draw_branches(v, v->callers.shown[at], y, v->amounts.columns);
    screen_put(y, x, 1, LOOK_PLAIN, marker(node));
    x += 2;
    x += screen_put(y, x, room, LOOK_PLAIN, name != NULL ? name : "") + 2;
    if (screen_columns() > x) {
        place = text_cut(place, (size_t)(screen_columns() - x), 1);
        screen_put(y, x, screen_columns() - x, LOOK_DIM, place);
    }
    free(name);
    free(harmless);
    free(place);
}

static char *text(struct browse *browse, struct view *view, size_t at)
{
    const struct view_callers *v = (const struct view_callers *)view;

    return cells_text(browse, &v->callers.nodes[v->callers.shown[at]].row);
}

/* Opens or closes a node. */
static void toggle(struct browse *browse, struct view_callers *v, uint32_t node, int open)
{
    const struct caller *at = &v->callers.nodes[node];

    if (open && at->outermost && !at->open)
        browse_say(browse, "It is the outermost: nobody calls it.");
    else if (open)
        callers_open(&v->callers, node);
    else
        callers_close(&v->callers, node);
    v->view.rows = v->callers.shown_count;
}

static int key(struct browse *browse, struct view *view, int pressed)
{
    struct view_callers *v = (struct view_callers *)view;

    if (view->selected >= v->callers.shown_count)
        return 0;
    uint32_t node = v->callers.shown[view->selected];

    switch (pressed) {
    case SCREEN_ENTER:
    case ' ':
        toggle(browse, v, node, !v->callers.nodes[node].open);
        return 1;
    case SCREEN_RIGHT:
    case '+':
        toggle(browse, v, node, 1);
        return 1;
    case '-':
        toggle(browse, v, node, 0);
        return 1;
    default:
        return view_line_key(browse, &v->callers.nodes[node].row, pressed);
    }
}

static void release(struct view *view)
{
    struct view_callers *v = (struct view_callers *)view;

    callers_free(&v->callers);
    free(v->line.file);
    free(v->line.function);
    free(v->line.module);
}

struct view *view_callers_new(const struct line_row *line)
{
    static const struct view_key keys[] = {
        {"Enter", "open, close"}, {"e", "source"}, {"f", "function"}, {"s", "sort"}, {0}};
    static const struct view_kind kind = {keys, 0,    read, sort, title, empty,
                                          NULL, head, row,  text, key,   release};
    struct view_callers *v = calloc(1, sizeof *v);

    v->view.kind = &kind;
    v->line = (struct line_row){.file = line->file != NULL ? strdup(line->file) : NULL,
                                .line = line->line,
                                .function = strdup(line->function),
                                .module = strdup(line->module)};
    return &v->view;
}
