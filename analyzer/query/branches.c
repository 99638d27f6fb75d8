/* branches.c - grows the tree from its roots, level by level, and only below nodes that are large enough:
 * only few of a run's stacks are shown, and a node for each frame of each stack would be tens of millions
 * of nodes. */
#include "branches.h"
#include "fold.h"

#include <stdlib.h>

/* A node's cursors in the array of its level. */
struct span {
    size_t begin, end;
};

/* One level of the tree: its nodes stand one after the other, and so do their cursors. */
struct wave {
    struct branches_cursor *cursors;
    struct span *spans;
    size_t count, span_count;
};

/* The profile's nodes linked from callers to callees, for growing inwards. All arrays are by node. */
struct below {
    struct store_measures *m; /* with everything below the node */
    double *variance;         /* likewise; NULL in an exact run */
    uint32_t *first, *next;   /* child, sibling; PROFILE_NONE = none. first[node_count]: the outermost */
};

#define FAR 64 /* how many frames, from the innermost on, are searched for the line that counts */

static const struct profile_frame *frame_of(const struct profile *profile, uint32_t node)
{
    return &profile->frames[profile->nodes[node].frame];
}

uint32_t branches_place(const struct profile *profile, const struct branches_cursor *c)
{
    return profile->frame_places[frame_of(profile, c->node)->first + c->place];
}

/* Moves one place outwards; false at the outermost. */
static int outwards(const struct profile *profile, struct branches_cursor *c)
{
    if (++c->place < frame_of(profile, c->node)->count)
        return 1;
    c->place = 0;
    c->node = profile->nodes[c->node].parent;
    return c->node != PROFILE_NONE;
}

int branches_outwards(const struct profile *profile, struct branches_cursor *c)
{
    while (outwards(profile, c))
        if (fold_shows(profile, c->node, c->place))
            return 1;
    return 0;
}

struct branches_cursor branches_begin(const struct profile *profile, const struct profile_site *site,
                                      int leaf)
{
    struct branches_cursor innermost = {.node = site->node, .m = site->m}, c = innermost;

    for (int i = 0; i < FAR && !leaf; i++) {
        if (branches_place(profile, &c) == site->place)
            return c;
        if (!outwards(profile, &c))
            break;
    }
    return innermost;
}

int branches_compare_cursors(const void *a, const void *b)
{
    const struct branches_cursor *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* Sorts by key, and merges cursors with the same key. They are mostly in order already. */
static size_t meet(struct branches_cursor *cursors, size_t count)
{
    size_t n = 0, i = 1;

    while (i < count && branches_compare_cursors(&cursors[i - 1], &cursors[i]) <= 0)
        i++;
    if (i < count)
        qsort(cursors, count, sizeof *cursors, branches_compare_cursors);
    for (i = 0; i < count; i++)
        if (n > 0 && branches_compare_cursors(&cursors[n - 1], &cursors[i]) == 0) {
            measures_add(&cursors[n - 1].m, &cursors[i].m);
            cursors[n - 1].variance += cursors[i].variance;
        } else {
            cursors[n++] = cursors[i];
        }
    return n;
}

/* ---- the next places ------------------------------------------------------------------------- */

static void follow(struct wave *wave, const struct branches_cursor *cursor)
{
    struct branches_cursor *to = profile_grow(&wave->cursors, &wave->count, sizeof *to);

    *to = *cursor;
}

/* Adds the place one further in; at the frame's innermost place, the outermost place of each node below. */
static void inwards(const struct profile *profile, const struct below *below, const struct branches_cursor *c,
                    struct wave *wave)
{
    if (c->node != profile->node_count && c->place > 0) {
        struct branches_cursor next = *c;

        next.place--;
        follow(wave, &next);
        return;
    }
    for (uint32_t child = below->first[c->node]; child != PROFILE_NONE; child = below->next[child]) {
        const struct branches_cursor next = {.node = child,
                                             .place = frame_of(profile, child)->count - 1,
                                             .m = below->m[child],
                                             .variance =
                                                 below->variance != NULL ? below->variance[child] : 0};

        follow(wave, &next);
    }
}

/* Adds the next places that are shown, passing over any number that are not. */
static void inwards_shown(const struct profile *profile, const struct below *below,
                          const struct branches_cursor *c, struct wave *wave)
{
    struct wave through = {0};

    inwards(profile, below, c, &through);
    for (size_t i = 0; i < through.count; i++) {
        const struct branches_cursor next = through.cursors[i];

        if (fold_shows(profile, next.node, next.place))
            follow(wave, &next);
        else
            inwards(profile, below, &next, &through);
    }
    free(through.cursors);
}

/* below: NULL = go outwards. */
static void follow_next(const struct profile *profile, const struct below *below,
                        struct branches_cursor cursor, struct wave *wave)
{
    if (below != NULL)
        inwards_shown(profile, below, &cursor, wave);
    else if (branches_outwards(profile, &cursor))
        follow(wave, &cursor);
}

/* ---- growing --------------------------------------------------------------------------------- */

/* Turns a node's cursors, in order, into its children; those of large children go on to the next level. */
static void add_children(const struct branches *branches, const struct below *below, struct tree *tree,
                         uint32_t parent, const struct branches_cursor *cursors, size_t count,
                         struct wave *next)
{
    for (size_t i = 0, end; i < count; i = end) {
        struct tree_node *node = profile_grow(&tree->nodes, &tree->count, sizeof *node);
        struct span *span = profile_grow(&next->spans, &next->span_count, sizeof *span);

        node->parent = parent;
        node->key = cursors[i].key;
        for (end = i; end < count && cursors[end].key == node->key; end++) {
            measures_add(&node->m[0], &cursors[end].m);
            node->variance += cursors[end].variance;
        }
        span->begin = next->count;
        for (size_t k = i; k < end && measure_value(&node->m[0], branches->by) >= branches->smallest; k++)
            follow_next(branches->profile, below, cursors[k], next);
        span->end = next->count;
    }
}

static void free_wave(struct wave *wave)
{
    free(wave->cursors);
    free(wave->spans);
    *wave = (struct wave){0};
}

static void one_span(struct wave *wave)
{
    wave->spans = calloc(1, sizeof *wave->spans);
    wave->span_count = 1;
    wave->spans[0].end = wave->count;
}

static void begin_inside(const struct branches *branches, struct wave *wave)
{
    const struct profile *profile = branches->profile;

    for (size_t i = 0; i < profile->site_count; i++) {
        struct branches_cursor cursor = branches_begin(profile, &profile->sites[i], branches->leaf);

        if (profile->variances != NULL)
            cursor.variance = profile->variances[i].of[branches->by];
        follow(wave, &cursor);
    }
}

/* Links the nodes from callers to callees, and sums up. Parents come before their children, so one pass
 * does it. */
static void turn_round(const struct profile *profile, enum measure by, struct below *below)
{
    size_t n = profile->node_count;

    below->m = calloc(n + 1, sizeof *below->m);
    below->first = malloc((n + 1) * sizeof *below->first);
    below->next = malloc((n + 1) * sizeof *below->next);
    if (profile->variances != NULL)
        below->variance = calloc(n + 1, sizeof *below->variance);
    for (size_t i = 0; i <= n; i++)
        below->first[i] = PROFILE_NONE;
    for (size_t i = 0; i < profile->site_count; i++)
        measures_add(&below->m[profile->sites[i].node], &profile->sites[i].m);
    for (size_t i = 0; i < profile->variance_count; i++)
        below->variance[profile->sites[i].node] += profile->variances[i].of[by];
    for (size_t i = n; i-- > 0;) {
        size_t parent = profile->nodes[i].parent != PROFILE_NONE ? profile->nodes[i].parent : n;

        measures_add(&below->m[parent], &below->m[i]);
        if (below->variance != NULL)
            below->variance[parent] += below->variance[i];
        below->next[i] = below->first[parent];
        below->first[parent] = (uint32_t)i;
    }
}

static void free_below(struct below *below)
{
    free(below->m);
    free(below->variance);
    free(below->first);
    free(below->next);
}

void branches_grow(const struct branches *branches, const uint32_t *keys, struct tree *tree)
{
    const struct profile *profile = branches->profile;
    struct below turned = {0}, *below = branches->inverted ? NULL : &turned;
    struct wave now = {0};
    const struct branches_cursor root = {.node = (uint32_t)profile->node_count};
    uint32_t parent = 0; /* the nodes of a level are in the order of its spans */

    if (branches->inverted) {
        begin_inside(branches, &now);
    } else {
        turn_round(profile, branches->by, below);
        inwards_shown(profile, below, &root, &now);
    }
    one_span(&now);
    profile_grow(&tree->nodes, &tree->count, sizeof *tree->nodes);
    for (int64_t depth = 0; now.count > 0 && (branches->depth == 0 || depth <= branches->depth); depth++) {
        struct wave next = {0};

        for (size_t i = 0; i < now.count; i++)
            now.cursors[i].key = keys[branches_place(profile, &now.cursors[i])];
        for (size_t i = 0; i < now.span_count; i++, parent++) {
            struct branches_cursor *cursors = now.cursors + now.spans[i].begin;
            size_t count = meet(cursors, now.spans[i].end - now.spans[i].begin);

            add_children(branches, below, tree, parent, cursors, count, &next);
        }
        free_wave(&now);
        now = next;
    }
    free_wave(&now);
    free_below(&turned);
}
