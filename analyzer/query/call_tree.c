/* call_tree.c - parents come before their children in profiles and in trees, so one pass in either direction
 * is enough. */
#include "call_tree.h"
#include "fold.h"

#include <stdlib.h>
#include <string.h>

static size_t slot_of(const struct tree *tree, uint32_t parent, uint32_t key)
{
    uint64_t hash = ((uint64_t)parent << 32 | key) * 0x9e3779b97f4a7c15ull;
    size_t i = (size_t)(hash >> 20) & (tree->slot_count - 1);

    while (tree->slots[i] != 0) {
        const struct tree_node *node = &tree->nodes[tree->slots[i]];

        if (node->parent == parent && node->key == key)
            break;
        i = (i + 1) & (tree->slot_count - 1);
    }
    return i;
}

/* Keeps at most half of the slots taken. */
static void make_room(struct tree *tree)
{
    if (tree->slot_count > tree->count * 2)
        return;
    free(tree->slots);
    tree->slot_count = tree->slot_count > 0 ? tree->slot_count * 4 : 1024;
    tree->slots = calloc(tree->slot_count, sizeof *tree->slots);
    for (size_t i = 1; i < tree->count; i++)
        tree->slots[slot_of(tree, tree->nodes[i].parent, tree->nodes[i].key)] = i;
}

/* The child with that key, added if there is none. */
static uint32_t child(struct tree *tree, uint32_t parent, uint32_t key, uint32_t frame)
{
    make_room(tree);
    size_t slot = slot_of(tree, parent, key);

    if (tree->slots[slot] == 0) {
        struct tree_node *node = profile_grow(&tree->nodes, &tree->count, sizeof *node);

        node->parent = parent;
        node->key = key;
        node->frame = frame;
        tree->slots[slot] = tree->count - 1;
    }
    return (uint32_t)tree->slots[slot];
}

static void add_nodes(struct tree *tree, const struct profile *profile, const uint32_t *keys,
                      uint32_t *node_of)
{
    for (size_t i = 0; i < profile->node_count; i++) {
        const struct profile_node *node = &profile->nodes[i];
        const struct profile_frame *frame = &profile->frames[node->frame];
        uint32_t at = node->parent != PROFILE_NONE ? node_of[node->parent] : 0;

        for (uint32_t k = frame->count; k > 0; k--) {
            if (!fold_shows(profile, (uint32_t)i, k - 1))
                continue;
            at = child(tree, at, keys[profile->frame_places[frame->first + k - 1]], node->frame);
        }
        node_of[i] = at;
    }
}

void tree_add(struct tree *tree, const struct profile *profile, int which, const uint32_t *keys,
              uint32_t **node_of)
{
    uint32_t *nodes = malloc((profile->node_count + 1) * sizeof *nodes);

    if (tree->count == 0)
        profile_grow(&tree->nodes, &tree->count, sizeof *tree->nodes);
    add_nodes(tree, profile, keys, nodes);
    for (size_t i = 0; i < profile->site_count; i++)
        measures_add(&tree->nodes[nodes[profile->sites[i].node]].m[which], &profile->sites[i].m);
    if (node_of != NULL)
        *node_of = nodes;
    else
        free(nodes);
}

void tree_sum(struct tree *tree)
{
    for (size_t i = tree->count; i-- > 1;)
        for (int which = 0; which < 2; which++)
            measures_add(&tree->nodes[tree->nodes[i].parent].m[which], &tree->nodes[i].m[which]);
}

void tree_free(struct tree *tree)
{
    free(tree->nodes);
    free(tree->slots);
    *tree = (struct tree){0};
}
