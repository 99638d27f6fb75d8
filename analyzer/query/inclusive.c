/* inclusive.c - see inclusive.h. Walks the nodes depth first. A node's sum is added to a row only where
 * the row is not in the stack further out already: so recursion counts once. */
#define _GNU_SOURCE
#include "inclusive.h"
#include "fold.h"
#include "profile.h"
#include "text.h"
#include "texts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct sums {
    const struct lines_query *query;
    struct profile profile;
    struct texts keys;
    uint32_t *key;            /* by place: the number of its row */
    uint32_t *first;          /* by row: one of its places */
    struct store_measures *m; /* by row */
    struct variances *v;      /* by row, and by node; NULL in an exact run */
    struct variances *below_v;
    uint32_t *active;             /* by row: how often it is in the current stack */
    struct store_measures *below; /* by node: with everything below it */
    uint32_t *child, *sibling;    /* by node; child[node_count] is the outermost; PROFILE_NONE = none */
};

/* The row that a place belongs to. */
static struct line_row row_of(enum group group, const struct profile_place *place)
{
    int line = group == GROUP_LINE, function = line || group == GROUP_FUNCTION, file = group != GROUP_MODULE;

    return (struct line_row){.file = file ? place->file : NULL,
                             .line = line ? place->line : 0,
                             .function = function ? place->function : (char *)"",
                             .module =
                                 group != GROUP_FILE || place->file == NULL ? place->module : (char *)"",
                             .language = place->language};
}

static void make_keys(struct sums *s)
{
    size_t n = s->profile.place_count;

    s->key = calloc(n + 1, sizeof *s->key);
    s->first = calloc(n + 1, sizeof *s->first);
    for (size_t i = 0; i < n; i++) {
        const struct line_row row = row_of(s->query->group, &s->profile.places[i]);
        char *text = text_make("%s\n%lld\n%s\n%s\n%s", row.file != NULL ? row.file : "", (long long)row.line,
                               row.function, row.module, row.language);

        s->key[i] = texts_number(&s->keys, text);
        free(text);
        s->first[s->key[i]] = (uint32_t)i;
    }
    s->m = calloc(s->keys.count + 1, sizeof *s->m);
    s->active = calloc(s->keys.count + 1, sizeof *s->active);
    if (s->profile.variances != NULL)
        s->v = calloc(s->keys.count + 1, sizeof *s->v);
}

/* Links the nodes from callers to callees, and sums up. Parents come before their children, so one pass
 * does it. */
static void turn_round(struct sums *s)
{
    const struct profile *p = &s->profile;
    size_t n = p->node_count;

    s->below = calloc(n + 1, sizeof *s->below);
    s->child = malloc((n + 1) * sizeof *s->child);
    s->sibling = malloc((n + 1) * sizeof *s->sibling);
    if (p->variances != NULL)
        s->below_v = calloc(n + 1, sizeof *s->below_v);
    for (size_t i = 0; i <= n; i++)
        s->child[i] = PROFILE_NONE;
    for (size_t i = 0; i < p->site_count; i++)
        measures_add(&s->below[p->sites[i].node], &p->sites[i].m);
    for (size_t i = 0; i < p->variance_count; i++)
        variances_add(&s->below_v[p->sites[i].node], &p->variances[i]);
    for (size_t i = n; i-- > 0;) {
        size_t parent = p->nodes[i].parent != PROFILE_NONE ? p->nodes[i].parent : n;

        if (parent != n)
            measures_add(&s->below[parent], &s->below[i]);
        if (parent != n && s->below_v != NULL)
            variances_add(&s->below_v[parent], &s->below_v[i]);
        s->sibling[i] = s->child[parent];
        s->child[parent] = (uint32_t)i;
    }
}

static void add_below(struct sums *s, uint32_t row, uint32_t node)
{
    measures_add(&s->m[row], &s->below[node]);
    if (s->v != NULL)
        variances_add(&s->v[row], &s->below_v[node]);
}

/* into: the node is entered; else it is left. */
static void pass(struct sums *s, uint32_t node, int into)
{
    const struct profile *p = &s->profile;
    const struct profile_frame *frame = &p->frames[p->nodes[node].frame];

    for (uint32_t k = 0; k < frame->count; k++) {
        uint32_t row = s->key[p->frame_places[frame->first + k]];

        if (!fold_shows(p, node, k))
            continue;
        if (into && s->active[row] == 0)
            add_below(s, row, node);
        s->active[row] += into ? 1 : UINT32_MAX;
    }
}

static void add_up(struct sums *s)
{
    const struct profile *p = &s->profile;
    uint32_t root = (uint32_t)p->node_count, node = s->child[root];

    while (node != PROFILE_NONE) {
        pass(s, node, 1);
        if (s->child[node] != PROFILE_NONE) {
            node = s->child[node];
            continue;
        }
        pass(s, node, 0);
        while (s->sibling[node] == PROFILE_NONE && p->nodes[node].parent != PROFILE_NONE) {
            node = p->nodes[node].parent;
            pass(s, node, 0);
        }
        node = s->sibling[node];
    }
}

/* ---- rows ------------------------------------------------------------------------------------ */

static const struct sums *sorted; /* for by_value */

static int by_value(const void *a, const void *b)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    int c = measures_compare(&sorted->m[x], &sorted->m[y], sorted->query->by);

    return c != 0 ? c : (x > y) - (x < y);
}

static int is_something(const struct store_measures *m)
{
    return m->allocations != 0 || m->live_allocations != 0 || m->peak_allocations != 0;
}

static void keep_rows(const struct sums *s, struct lines *lines)
{
    uint32_t *order = calloc(s->keys.count + 1, sizeof *order);
    size_t count = 0;

    for (uint32_t row = 0; row < s->keys.count; row++)
        if (is_something(&s->m[row]))
            order[count++] = row;
    sorted = s;
    qsort(order, count, sizeof *order, by_value);
    lines->all = count;
    lines->sum = s->profile.sum;
    lines->sum_v = s->profile.sum_v;
    if (s->query->limit > 0 && count > s->query->limit)
        count = s->query->limit;
    lines->rows = calloc(count + 1, sizeof *lines->rows);
    for (size_t i = 0; i < count; i++) {
        struct line_row row = row_of(s->query->group, &s->profile.places[s->first[order[i]]]);

        row.file = row.file != NULL ? strdup(row.file) : NULL;
        row.function = strdup(row.function);
        row.module = strdup(row.module);
        row.language = strdup(row.language);
        row.m = s->m[order[i]];
        if (s->v != NULL)
            row.v = s->v[order[i]];
        lines->rows[lines->count++] = row;
    }
    free(order);
}

int inclusive_read(const struct report *report, const struct lines_query *query, struct lines *lines)
{
    const struct profile_query all = {.run = query->run, .filter = query->filter};
    struct sums s = {.query = query};
    int status = profile_load(report, &all, &s.profile);

    *lines = (struct lines){0};
    if (status == EXIT_FINE) {
        fold_frames(&s.profile, query->all_frames, query->filter != NULL ? query->filter->below : NULL);
        make_keys(&s);
        turn_round(&s);
        add_up(&s);
        keep_rows(&s, lines);
    }
    texts_free(&s.keys);
    free(s.key);
    free(s.first);
    free(s.m);
    free(s.v);
    free(s.below_v);
    free(s.active);
    free(s.below);
    free(s.child);
    free(s.sibling);
    profile_free(&s.profile);
    return status;
}
