/* inverse.c - the tree grows from its roots, level by level, and only where a node is large enough: a node
 * for each frame of each stack would be tens of millions. */
#include "inverse.h"

#include <stdlib.h>

/* Stacks followed outwards to the same place of the same node: from there on they are one. */
struct cursor {
    uint32_t key;         /* of the place */
    uint32_t node, place; /* of the profile; which of the node's frame's places */
    struct store_measures m;
};

/* A node's cursors in the array of its level. */
struct span {
    size_t begin, end;
};

/* One level of the tree: its nodes follow each other, and so do their cursors. */
struct wave {
    struct cursor *cursors;
    struct span *spans;
    size_t count, span_count;
};

#define FAR 64 /* frames from the innermost one in which the line that counts is looked for */

static const struct profile_frame *frame_of(const struct profile *profile, uint32_t node)
{
    return &profile->frames[profile->nodes[node].frame];
}

static uint32_t place_at(const struct profile *profile, const struct cursor *c)
{
    return profile->frame_places[frame_of(profile, c->node)->first + c->place];
}

/* One place outwards; false at the outermost. */
static int outwards(const struct profile *profile, struct cursor *c)
{
    if (++c->place < frame_of(profile, c->node)->count)
        return 1;
    c->place = 0;
    c->node = profile->nodes[c->node].parent;
    return c->node != PROFILE_NONE;
}

/* At the line that the site counts for, or at its innermost one. */
static struct cursor begin_at(const struct profile *profile, const struct profile_site *site, int leaf)
{
    struct cursor innermost = {.node = site->node, .m = site->m}, c = innermost;

    for (int i = 0; i < FAR && !leaf; i++) {
        if (place_at(profile, &c) == site->place)
            return c;
        if (!outwards(profile, &c))
            break;
    }
    return innermost;
}

static int by_place(const void *a, const void *b)
{
    const struct cursor *x = a, *y = b;

    if (x->key != y->key)
        return x->key < y->key ? -1 : 1;
    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    return (x->place > y->place) - (x->place < y->place);
}

/* Sorts by key, and makes one of those that meet. Most often they are in order already. */
static size_t meet(struct cursor *cursors, size_t count)
{
    size_t n = 0, i = 1;

    while (i < count && by_place(&cursors[i - 1], &cursors[i]) <= 0)
        i++;
    if (i < count)
        qsort(cursors, count, sizeof *cursors, by_place);
    for (i = 0; i < count; i++)
        if (n > 0 && by_place(&cursors[n - 1], &cursors[i]) == 0)
            measures_add(&cursors[n - 1].m, &cursors[i].m);
        else
            cursors[n++] = cursors[i];
    return n;
}

/* A node's cursors, in order, become its children; those of large ones go on to the next level. */
static int add_children(const struct inverse *inverse, struct tree *tree, uint32_t parent,
                        const struct cursor *cursors, size_t count, struct wave *next)
{
    for (size_t i = 0, end; i < count; i = end) {
        struct tree_node *node = profile_grow(&tree->nodes, &tree->count, sizeof *node);
        struct span *span = profile_grow(&next->spans, &next->span_count, sizeof *span);

        if (node == NULL || span == NULL)
            return 0;
        node->parent = parent;
        node->key = cursors[i].key;
        for (end = i; end < count && cursors[end].key == node->key; end++)
            measures_add(&node->m[0], &cursors[end].m);
        span->begin = next->count;
        for (size_t k = i; k < end && measure_value(&node->m[0], inverse->by) >= inverse->smallest; k++) {
            struct cursor further = cursors[k], *to;

            if (!outwards(inverse->profile, &further))
                continue;
            if ((to = profile_grow(&next->cursors, &next->count, sizeof *to)) == NULL)
                return 0;
            *to = further;
        }
        span->end = next->count;
    }
    return 1;
}

static void free_wave(struct wave *wave)
{
    free(wave->cursors);
    free(wave->spans);
    *wave = (struct wave){0};
}

static int first_wave(const struct inverse *inverse, struct wave *wave)
{
    const struct profile *profile = inverse->profile;

    wave->cursors = malloc((profile->site_count + 1) * sizeof *wave->cursors);
    wave->spans = calloc(1, sizeof *wave->spans);
    if (wave->cursors == NULL || wave->spans == NULL)
        return 0;
    for (size_t i = 0; i < profile->site_count; i++)
        wave->cursors[wave->count++] = begin_at(profile, &profile->sites[i], inverse->leaf);
    wave->span_count = 1;
    wave->spans[0].end = wave->count;
    return 1;
}

int inverse_grow(const struct inverse *inverse, const uint32_t *keys, struct tree *tree)
{
    struct wave now = {0};
    uint32_t parent = 0; /* a level's nodes were made in the order of its spans */
    int fine =
        first_wave(inverse, &now) && profile_grow(&tree->nodes, &tree->count, sizeof *tree->nodes) != NULL;

    for (int64_t depth = 0; fine && now.count > 0 && (inverse->depth == 0 || depth <= inverse->depth);
         depth++) {
        struct wave next = {0};

        for (size_t i = 0; i < now.count; i++)
            now.cursors[i].key = keys[place_at(inverse->profile, &now.cursors[i])];
        for (size_t i = 0; fine && i < now.span_count; i++, parent++) {
            struct cursor *cursors = now.cursors + now.spans[i].begin;
            size_t count = meet(cursors, now.spans[i].end - now.spans[i].begin);

            fine = add_children(inverse, tree, parent, cursors, count, &next);
        }
        free_wave(&now);
        now = next;
    }
    free_wave(&now);
    return fine;
}
