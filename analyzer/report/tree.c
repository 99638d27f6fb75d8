/* tree.c - trace-report tree: all stacks as one tree, from the outermost callers inwards, or from the
 * allocating lines outwards.
 */
#define _GNU_SOURCE
#include "commands.h"
#include "kind.h"
#include "profile.h"
#include "branches.h"
#include "fold.h"
#include "place_keys.h"
#include "sampling.h"
#include "show.h"
#include "text.h"
#include "type_boxes.h"
#include "call_tree.h"
#include "units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by = -1, group, inverted, leaf; /* by: default the peak; for a part of a run, bytes */
static double least = 0.01;
static int64_t depth_limit;
static struct filter filter;

static const char *const groups[] = {"line", "function", NULL};

static const struct option_spec options[] = {
    {"by", OPTION_MEASURE, &by, NULL, "what is counted (default: peak; of a part of a run: bytes)", NULL},
    {"inverted", OPTION_FLAG, &inverted, NULL, "the allocating lines first, their callers below", NULL},
    {"min", OPTION_SHARE, &least, "SHARE", "fold what is below this share of the whole (default: 1%)", NULL},
    KIND_OPTION,
    {"group", OPTION_CHOICE, &group, NULL, "what a node is (default: line)", groups},
    {"depth", OPTION_NUMBER, &depth_limit, "N", "levels to show (default: all)", NULL},
    SHOW_ALL_FRAMES,
    TYPE_BOXES_OPTION,
    {"leaf", OPTION_FLAG, &leaf, NULL, "inverted, begin at the innermost line, be it of a library", NULL},
    FILTER_OPTIONS(filter),
    FILTER_MOMENTS(filter),
    {0},
};

const struct manual manual_tree = {
    .operands = "[RUN]",
    .about =
        "Shows who calls what allocates: each node counts all that was allocated below it, SELF what was\n"
        "allocated by itself. A call that goes straight on is shown below its caller without a branch. "
        "Innermost is "
        "what\n"
        "the blocks are, where that is known.",
    .options = options,
    .examples = {{"", "what made up the heap when it was largest, from main down"},
                 {"list --inverted --min 5%",
                  "the lines of run 'list' that allocate most, and who called them"}},
    .most = 1,
};

/* What is shown of a tree: the nodes that are large enough, siblings in order of size. */
struct shown {
    struct profile profile;
    struct tree tree;    /* measures include everything below */
    int64_t *self;       /* by node: what is not below any child */
    uint32_t *first;     /* child, 0 = none */
    uint32_t *next;      /* next sibling, 0 = none */
    uint32_t *kept;      /* number of children that are shown */
    uint32_t *folded;    /* number of those that are not */
    int64_t *rest;       /* what those hold together */
    uint32_t *level;     /* branches above it, which is its indentation */
    uint32_t *depth;     /* frames above it */
    int64_t smallest;    /* nodes with less are not shown */
    unsigned char *last; /* by level: whether the branch there is its parent's last */
};

/* ---- what is shown ----------------------------------------------------------------------------- */

static int64_t value_of(const struct tree *tree, uint32_t node)
{
    return measure_value(&tree->nodes[node].m[0], by);
}

static int by_value(const void *a, const void *b, void *data)
{
    const struct tree *tree = data;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int64_t v = value_of(tree, x), w = value_of(tree, y);

    if (v != w)
        return v < w ? 1 : -1;
    return (tree->nodes[x].key > tree->nodes[y].key) - (tree->nodes[x].key < tree->nodes[y].key);
}

/* Numbers in a stranger's file may be of any size: they wrap around. */
static int64_t plus(int64_t a, int64_t b)
{
    return (int64_t)((uint64_t)a + (uint64_t)b);
}

static void *room(const struct shown *shown, size_t size)
{
    return calloc(shown->tree.count + 1, size);
}

/* Links the nodes that are large enough to their parents, which come before them. */
static void choose_shown(struct shown *shown)
{
    const struct tree *tree = &shown->tree;
    uint32_t *order = room(shown, sizeof *order);
    size_t count = 0;

    shown->self = room(shown, sizeof *shown->self);
    shown->first = room(shown, sizeof *shown->first);
    shown->next = room(shown, sizeof *shown->next);
    shown->kept = room(shown, sizeof *shown->kept);
    shown->folded = room(shown, sizeof *shown->folded);
    shown->rest = room(shown, sizeof *shown->rest);
    shown->level = room(shown, sizeof *shown->level);
    shown->depth = room(shown, sizeof *shown->depth);
    shown->last = room(shown, sizeof *shown->last);
    for (uint32_t i = 1; i < tree->count; i++) {
        uint32_t parent = tree->nodes[i].parent;
        int64_t value = value_of(tree, i);

        shown->depth[i] = shown->depth[parent] + 1;
        shown->self[i] = plus(shown->self[i], value);
        shown->self[parent] = plus(shown->self[parent], (int64_t)(-(uint64_t)value));
        if (value >= shown->smallest && (depth_limit == 0 || shown->depth[i] <= depth_limit)) {
            order[count++] = i;
            shown->kept[parent]++;
        } else if (value != 0) {
            shown->folded[parent]++;
            shown->rest[parent] = plus(shown->rest[parent], value);
        }
    }
    qsort_r(order, count, sizeof *order, by_value, &shown->tree);
    for (size_t i = count; i-- > 0;) { /* the one linked last is the first child, so link the largest last */
        uint32_t parent = tree->nodes[order[i]].parent;

        shown->next[order[i]] = shown->first[parent];
        shown->first[parent] = order[i];
    }
    free(order);
}

/* Folded children get a row if they hold enough. */
static int has_folded_row(const struct shown *shown, uint32_t node)
{
    return shown->folded[node] > 0 && shown->rest[node] >= shown->smallest;
}

/* True if the only row below it is a call: no branch is drawn then, unless it could be taken for another
 * root. */
static int goes_straight_on(const struct shown *shown, uint32_t node)
{
    uint32_t rows = shown->kept[node] + (uint32_t)has_folded_row(shown, node);

    return node == 0 || (rows == 1 && (shown->depth[node] > 1 ||
                                       shown->kept[0] + (uint32_t)has_folded_row(shown, 0) == 1 ||
                                       shown->level[node] > 0));
}

/* The next node, depth first; 0 at the end. Calls up for each node that has nothing more below it. */
static uint32_t following(const struct shown *shown, uint32_t node, void (*up)(void *, uint32_t),
                          void *context)
{
    if (shown->first[node] != 0)
        return shown->first[node];
    for (;;) {
        if (up != NULL)
            up(context, node);
        if (node == 0 || shown->next[node] != 0)
            return node == 0 ? 0 : shown->next[node];
        node = shown->tree.nodes[node].parent;
    }
}

/* ---- text -------------------------------------------------------------------------------------- */

#define PREFIX_MOST 20 /* levels: beyond that, the outer guides are left out */

struct screen {
    const struct report *report;
    struct shown *shown;
    struct table *table;
    int64_t whole;
};

/* The guides before a name, malloc'ed: those of the branches above, then the node's own. */
static char *prefix(const struct screen *screen, uint32_t level, const char *own)
{
    static const char *const guides[2][2] = {{"\xe2\x94\x82  ", "   "}, {"|  ", "   "}};
    uint32_t from = level > PREFIX_MOST ? level - PREFIX_MOST : 1, n = level + (*own == '\0');
    char *text = malloc((size_t)(PREFIX_MOST + 3) * 8 + 16), *out = text;

    if (from > 1)
        out = stpcpy(out, screen->report->ascii ? "..." : "\xe2\x80\xa6  ");
    for (uint32_t i = from; i < n; i++)
        out = stpcpy(out, guides[screen->report->ascii][screen->shown->last[i]]);
    strcpy(out, own);
    return text;
}

static const char *branch(const struct report *report, int last)
{
    return report->ascii ? (last ? "`- " : "|- ")
           : last        ? "\xe2\x94\x94\xe2\x94\x80 "
                         : "\xe2\x94\x9c\xe2\x94\x80 ";
}

static const char *cost_color(int64_t value, int64_t whole)
{
    double share = whole != 0 ? (double)value / (double)whole : 0;

    return share >= 0.25 ? "red" : share >= 0.05 ? "yellow" : share < 0.01 ? "dim" : NULL;
}

static struct variances variances_of(const struct tree *tree, uint32_t node)
{
    struct variances v = {{0}};

    v.of[by] = tree->nodes[node].variance;
    return v;
}

/* In a sampled run, how far the value before it may be off. node: 0 = that is not known. */
static void error_cell(const struct screen *screen, uint32_t node)
{
    const struct tree *tree = &screen->shown->tree;
    struct variances v = variances_of(tree, node);
    char out[UNITS_SIZE];

    if (sampling_is_on(screen->shown->profile.run))
        table_cell(screen->table,
                   variances_text(out, &tree->nodes[node].m[0], &v, by, screen->report->bytes));
}

/* at_most: the value is an upper bound. */
static void value_cells(const struct screen *screen, uint32_t node, int64_t value, int at_most, int64_t self,
                        int with_self)
{
    const struct report *report = screen->report;
    int counts = !measures[by].is_bytes;
    const char *color = cost_color(value, screen->whole);
    char out[UNITS_SIZE];

    table_cell(screen->table, counts ? units_count(out, value) : units_bytes(out, value, report->bytes));
    table_cell_color(screen->table, color);
    if (at_most)
        table_cell_before(screen->table, "<= ");
    error_cell(screen, node);
    table_cell(screen->table, units_percent(out, (double)value, (double)screen->whole));
    table_cell_color(screen->table, color);
    if (inverted)
        return;
    table_cell(screen->table, !with_self ? NULL
                              : counts   ? units_count(out, self)
                                         : units_bytes(out, self, report->bytes));
    table_cell_color(screen->table, cost_color(self, screen->whole));
    if (at_most && with_self)
        table_cell_before(screen->table, "<= ");
}

static int is_type(const struct profile_place *place)
{
    return strcmp(place->language, TYPE_BOX) == 0;
}

static void name_cells(const struct screen *screen, uint32_t node, const char *before)
{
    const struct profile_place *place = &screen->shown->profile.places[screen->shown->tree.nodes[node].key];
    char *where = show_place(screen->shown->profile.run, place->file, group == GROUP_LINE ? place->line : 0);
    const char *module = is_type(place) ? "(type)" : text_basename(place->module);

    table_cell(screen->table, place->function);
    if (before != NULL)
        table_cell_before(screen->table, before);
    table_cell(screen->table, where != NULL ? where : module);
    table_cell_color(screen->table, "dim");
    free(where);
}

static void node_row(const struct screen *screen, uint32_t node)
{
    struct shown *shown = screen->shown;
    uint32_t parent = shown->tree.nodes[node].parent;
    int straight = goes_straight_on(shown, parent);
    const char *own = "";

    shown->level[node] = shown->level[parent] + (uint32_t)!straight;
    if (!straight) {
        shown->last[shown->level[node]] = shown->next[node] == 0 && !has_folded_row(shown, parent);
        own = branch(screen->report, shown->last[shown->level[node]]);
    }
    char *before = prefix(screen, shown->level[node], own);

    table_row(screen->table, NULL);
    value_cells(screen, node, value_of(&shown->tree, node),
                !measure_is_exact(&shown->tree.nodes[node].m[0], by), shown->self[node],
                shown->self[node] != 0);
    name_cells(screen, node, before);
    free(before);
}

static void folded_row(void *context, uint32_t node)
{
    const struct screen *screen = context;
    const struct shown *shown = screen->shown;
    char *before, count[UNITS_SIZE];

    if (!has_folded_row(shown, node))
        return;
    before = node != 0 && shown->kept[node] > 0
                 ? prefix(screen, shown->level[node] + 1, branch(screen->report, 1))
             : node != 0 ? prefix(screen, shown->level[node], "")
                         : NULL;
    char *text = text_make("(%s %s)", units_count(count, shown->folded[node]),
                           depth_limit != 0 && shown->depth[node] == depth_limit ? "more" : "smaller");

    table_row(screen->table, "dim");
    value_cells(screen, 0, shown->rest[node], measures[measures[by].least].is_least, 0, 0);
    table_cell(screen->table, text);
    if (before != NULL)
        table_cell_before(screen->table, before);
    free(text);
    free(before);
}

static void print_tree(const struct report *report, struct shown *shown)
{
    struct screen screen = {report, shown, table_new(report), measure_value(&shown->profile.sum, by)};

    table_column(screen.table, measures[by].heading, TABLE_RIGHT);
    if (sampling_is_on(shown->profile.run))
        table_column(screen.table, "", TABLE_RIGHT);
    table_column(screen.table, "%", TABLE_RIGHT);
    if (!inverted)
        table_column(screen.table, "SELF", TABLE_RIGHT);
    table_column(screen.table, inverted ? "FUNCTION, CALLERS" : "FUNCTION, CALLS", TABLE_NAME);
    table_column(screen.table, group == GROUP_LINE ? "LINE" : "FILE", TABLE_PATH);
    for (uint32_t node = following(shown, 0, folded_row, &screen); node != 0;
         node = following(shown, node, folded_row, &screen))
        node_row(&screen, node);
    table_print(screen.table);
    table_free(screen.table);
}

static void print_text(struct report *report, struct shown *shown)
{
    const struct run *run = shown->profile.run;

    run_headline(report, run);
    filter_print(report, &filter, shown->profile.run, &shown->profile.sum);
    if (measure_value(&shown->profile.sum, by) != 0) {
        putchar('\n');
        print_tree(report, shown);
    } else if (run->t.m.allocations > 0) {
        printf("Nothing in it matches.\n");
    } else {
        run_explain_empty(report, run);
    }
    report_next(report, "tree", inverted ? "" : "--inverted",
                inverted ? "from the outermost callers inwards" : "from the allocating lines outwards");
}

/* ---- JSON -------------------------------------------------------------------------------------- */

/* Rows are a flat list, depth first: many JSON parsers give up at a thousand levels. */
static void print_json(struct shown *shown)
{
    struct json json;
    int64_t number = 0;
    int64_t *numbers = room(shown, sizeof *numbers);

    json_begin(&json, stdout, "libtrace.tree/1");
    run_json(&json, "run", shown->profile.run);
    json_text(&json, "by", measures[by].by);
    json_text(&json, "kind", kind_names[kind_shown]);
    json_text(&json, "group", groups[group]);
    json_true(&json, "inverted", inverted);
    json_real(&json, "min_share", least);
    filter_json(&json, &filter, shown->profile.run);
    json_object(&json, "total");
    measures_json(&json, shown->profile.run, &shown->profile.sum, &shown->profile.sum_v);
    json_close(&json);
    json_number(&json, "folded", shown->folded[0]);
    json_number(&json, "folded_value", shown->rest[0]);
    json_array(&json, "rows");
    for (uint32_t node = following(shown, 0, NULL, NULL); node != 0;
         node = following(shown, node, NULL, NULL)) {
        const struct tree_node *n = &shown->tree.nodes[node];
        const struct profile_place *place = &shown->profile.places[n->key];

        numbers[node] = ++number;
        json_object(&json, NULL);
        json_number(&json, "node", number);
        json_number(&json, "parent", numbers[n->parent]);
        json_number(&json, "depth", shown->depth[node]);
        json_text(&json, "function", is_type(place) ? NULL : place->function);
        json_text(&json, "type", is_type(place) ? place->function : NULL);
        json_text(&json, "file", place->file);
        if (group == GROUP_LINE)
            json_number(&json, "line", place->line);
        json_text(&json, "module", place->module);
        json_text(&json, "language", is_type(place) ? NULL : place->language);
        measures_json(&json, shown->profile.run, &n->m[0], NULL);
        json_number(&json, "value", value_of(&shown->tree, node));
        if (sampling_is_on(shown->profile.run)) {
            struct variances v = variances_of(&shown->tree, node);

            json_number(&json, "value_error", llround(variances_error(&v, by)));
            variances_json_few(&json, shown->profile.run, &n->m[0], &v, by);
        }
        json_number(&json, "self", shown->self[node]);
        json_number(&json, "folded", shown->folded[node]);
        json_number(&json, "folded_value", shown->rest[node]);
        json_close(&json);
    }
    json_end(&json);
    free(numbers);
}

/* ---- the whole --------------------------------------------------------------------------------- */

static int build(const struct report *report, const struct run *run, struct shown *shown)
{
    const struct profile_query query = {.run = run, .filter = &filter};
    int status = profile_load(report, &query, &shown->profile);

    if (status != EXIT_FINE)
        return status;
    if (!inverted)
        type_boxes_add(&shown->profile);
    fold_frames(&shown->profile, show_all_frames, filter.below);
    double smallest = least * (double)measure_value(&shown->profile.sum, by);

    shown->smallest = smallest < 9e18 ? (int64_t)smallest : INT64_MAX;
    shown->smallest = shown->smallest > 1 ? shown->smallest : 1;
    const struct branches branches = {&shown->profile, by, inverted, leaf, shown->smallest, depth_limit};
    uint32_t *keys = place_keys(&shown->profile, group == GROUP_LINE);

    branches_grow(&branches, keys, &shown->tree);
    choose_shown(shown);
    free(keys);
    return EXIT_FINE;
}

static void release(struct shown *shown)
{
    void *const all[] = {shown->self, shown->first, shown->next,  shown->kept, shown->folded,
                         shown->rest, shown->level, shown->depth, shown->last};

    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        free(all[i]);
    tree_free(&shown->tree);
    profile_free(&shown->profile);
}

int command_tree(struct report *report, int argc, char **argv)
{
    struct run run = {0};
    struct shown shown = {0};
    int operands, status = args_parse(report, &manual_tree, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    status = report_open(report);
    if (status == EXIT_FINE)
        status = run_find_window(report, operands > 0 ? argv[1] : NULL, &run);
    by = (int)filter_measure(&filter, &run, by, MEASURE_bytes);
    if (status == EXIT_FINE)
        status = filter_prepare(report, &filter, &run, by);
    if (status == EXIT_FINE)
        status = build(report, &run, &shown);
    if (status == EXIT_FINE && report->json)
        print_json(&shown);
    else if (status == EXIT_FINE)
        print_text(report, &shown);
    release(&shown);
    filter_free(&filter);
    run_free(&run);
    return status;
}
