/* callers.c - see callers.h. */
#define _GNU_SOURCE
#include "callers.h"

#include <stdlib.h>
#include <string.h>

static const char *not_null(const char *text)
{
    return text != NULL ? text : "";
}

int callers_same_line(const struct line_row *a, const struct line_row *b)
{
    return a->line == b->line && strcmp(not_null(a->file), not_null(b->file)) == 0 &&
           strcmp(not_null(a->function), not_null(b->function)) == 0 &&
           strcmp(not_null(a->module), not_null(b->module)) == 0;
}

static char *copy(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

static void set_place(struct caller *node, const struct profile_place *place)
{
    node->row.file = copy(place->file);
    node->row.line = place->line;
    node->row.function = copy(place->function);
    node->row.module = copy(place->module);
    node->row.language = copy(place->language);
}

static void free_node(struct caller *node)
{
    free(node->row.file);
    free(node->row.function);
    free(node->row.module);
    free(node->row.language);
    free(node->stacks);
}

void callers_free(struct callers *callers)
{
    for (size_t i = 0; i < callers->count; i++)
        free_node(&callers->nodes[i]);
    free(callers->nodes);
    free(callers->shown);
    *callers = (struct callers){0};
}

/* ---- growing --------------------------------------------------------------------------------- */

static int by_size(const void *a, const void *b, void *measure)
{
    const struct caller *x = a, *y = b;
    int c = measures_compare(&x->row.m, &y->row.m, *(const enum measure *)measure);

    if (c == 0)
        c = strcmp(x->row.function, y->row.function);
    return c != 0 ? c : (x->row.line > y->row.line) - (x->row.line < y->row.line);
}

/* Moves all of a node's stacks one frame outwards. */
static struct branches_cursor *outwards(const struct callers *callers, const struct caller *node,
                                        size_t *count)
{
    struct branches_cursor *list = malloc((node->stack_count + 1) * sizeof *list);

    *count = 0;
    for (size_t i = 0; i < node->stack_count; i++) {
        struct branches_cursor cursor = node->stacks[i];

        if (!branches_outwards(callers->profile, &cursor))
            continue;
        cursor.key = callers->keys[branches_place(callers->profile, &cursor)];
        list[(*count)++] = cursor;
    }
    if (*count > 0)
        qsort(list, *count, sizeof *list, branches_compare_cursors);
    return list;
}

/* Adds a node for stacks with the same key. Those at the same place are merged. */
static void add_node(struct callers *callers, uint32_t parent, const struct branches_cursor *list,
                     size_t count)
{
    struct caller *node = profile_grow(&callers->nodes, &callers->count, sizeof *node);

    node->parent = parent;
    node->outermost = 1;
    node->stacks = malloc((count + 1) * sizeof *node->stacks);
    if (count > 0)
        set_place(node, &callers->profile->places[list[0].key]);
    for (size_t i = 0; i < count; i++) {
        struct branches_cursor next = list[i];
        size_t n = node->stack_count;

        measures_add(&node->row.m, &list[i].m);
        node->row.v.of[callers->by] += list[i].variance;
        if (n > 0 && branches_compare_cursors(&node->stacks[n - 1], &list[i]) == 0) {
            measures_add(&node->stacks[n - 1].m, &list[i].m);
            node->stacks[n - 1].variance += list[i].variance;
        } else {
            node->stacks[node->stack_count++] = list[i];
        }
        if (node->outermost && branches_outwards(callers->profile, &next))
            node->outermost = 0;
    }
}

static void grow(struct callers *callers, uint32_t node)
{
    size_t count, first = callers->count;
    struct branches_cursor *list = outwards(callers, &callers->nodes[node], &count);

    for (size_t i = 0, end; i < count; i = end) {
        for (end = i; end < count && list[end].key == list[i].key; end++)
            ;
        add_node(callers, node, list + i, end - i);
    }
    free(list);
    struct caller *grown = &callers->nodes[node];

    grown->first = (uint32_t)first;
    grown->count = (uint32_t)(callers->count - first);
    grown->grown = 1;
    for (size_t i = first; i < callers->count; i++)
        callers->nodes[i].depth = grown->depth + (grown->count > 1);
    if (grown->count > 1)
        qsort_r(callers->nodes + first, grown->count, sizeof *callers->nodes, by_size, &callers->by);
}

/* ---- what is shown --------------------------------------------------------------------------- */

/* The node that follows this one and everything below it; 0 = none. */
static uint32_t next_beside(const struct callers *callers, uint32_t node)
{
    while (node != 0) {
        const struct caller *parent = &callers->nodes[callers->nodes[node].parent];

        if (node + 1 < parent->first + parent->count)
            return node + 1;
        node = callers->nodes[node].parent;
    }
    return 0;
}

static void list_shown(struct callers *callers)
{
    uint32_t *shown = realloc(callers->shown, (callers->count + 1) * sizeof *shown), node = 0;

    callers->shown = shown;
    callers->shown_count = 0;
    if (callers->count == 0)
        return;
    do {
        const struct caller *now = &callers->nodes[node];

        shown[callers->shown_count++] = node;
        node = now->open && now->count > 0 ? now->first : next_beside(callers, node);
    } while (node != 0);
}

static void open_node(struct callers *callers, uint32_t node)
{
    if (!callers->nodes[node].grown)
        grow(callers, node);
    callers->nodes[node].open = 1;
}

void callers_open(struct callers *callers, uint32_t node)
{
    /* Where there is only one caller, there is nothing to choose: open it, too. */
    for (;;) {
        open_node(callers, node);
        if (callers->nodes[node].count != 1)
            break;
        node = callers->nodes[node].first;
    }
    list_shown(callers);
}

void callers_close(struct callers *callers, uint32_t node)
{
    callers->nodes[node].open = 0;
    list_shown(callers);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int is_line(const struct profile_place *place, const struct line_row *line)
{
    const struct line_row row = {
        .file = place->file, .line = place->line, .function = place->function, .module = place->module};

    return callers_same_line(&row, line);
}

/* Adds the stacks that count for the line. */
static void add_line(struct callers *callers, const struct line_row *line)
{
    const struct profile *profile = callers->profile;
    unsigned char *is_it = calloc(profile->place_count + 1, 1);
    struct branches_cursor *list = malloc((profile->site_count + 1) * sizeof *list);
    size_t count = 0;

    for (size_t i = 0; i < profile->place_count; i++)
        is_it[i] = (unsigned char)is_line(&profile->places[i], line);
    for (size_t i = 0; i < profile->site_count; i++)
        if (is_it[profile->sites[i].place]) {
            list[count] = branches_begin(profile, &profile->sites[i], 0);
            list[count].variance = profile->variances != NULL ? profile->variances[i].of[callers->by] : 0;
            list[count++].key = callers->keys[profile->sites[i].place];
        }
    if (count > 0) {
        qsort(list, count, sizeof *list, branches_compare_cursors);
        add_node(callers, 0, list, count);
    }
    free(is_it);
    free(list);
}

void callers_begin(struct callers *callers, const struct profile *profile, const uint32_t *keys,
                   enum measure by, const struct line_row *line)
{
    *callers = (struct callers){.profile = profile, .keys = keys, .by = by};
    add_line(callers, line);
    list_shown(callers);
}

void callers_open_most(struct callers *callers)
{
    uint32_t node = 0;

    while (node < callers->count) {
        open_node(callers, node);
        const struct caller *now = &callers->nodes[node];

        if (now->count == 0 || measure_value(&callers->nodes[now->first].row.m, callers->by) <=
                                   measure_value(&now->row.m, callers->by) / 2)
            break;
        node = now->first;
    }
    list_shown(callers);
}

void callers_open_alike(struct callers *callers, const struct callers *other, uint32_t *selected)
{
    if (callers->count == 0)
        return;
    uint32_t *same =
        /* by node of the other tree: the same node in this one, plus 1; 0 = none */
        calloc(other->count + 1, sizeof *same);

    if (other->count > 0)
        same[0] = 1;
    for (uint32_t i = 0; i < other->count; i++) {
        const struct caller *node = &other->nodes[i];
        const struct caller *parent =
            same[node->parent] != 0 ? &callers->nodes[same[node->parent] - 1] : NULL;

        for (uint32_t k = 0; i > 0 && parent != NULL && (node->open || i == *selected) && k < parent->count;
             k++)
            if (callers_same_line(&callers->nodes[parent->first + k].row, &node->row))
                same[i] = parent->first + k + 1;
        if (same[i] == 0)
            continue;
        if (node->open)
            open_node(callers, same[i] - 1);
    }
    *selected = *selected < other->count && same[*selected] != 0 ? same[*selected] - 1 : 0;
    free(same);
    list_shown(callers);
}

/* Siblings are adjacent, and come before everything below them, so sorting them moves no other node. */
void callers_sort(struct callers *callers, enum measure by)
{
    callers->by = by;
    for (uint32_t i = 0; i < callers->count; i++) {
        const struct caller *node = &callers->nodes[i];

        if (node->count > 1)
            qsort_r(callers->nodes + node->first, node->count, sizeof *callers->nodes, by_size, &callers->by);
    }
    for (uint32_t i = 0; i < callers->count; i++)
        for (uint32_t k = 0; k < callers->nodes[i].count; k++)
            callers->nodes[callers->nodes[i].first + k].parent = i;
    list_shown(callers);
}
