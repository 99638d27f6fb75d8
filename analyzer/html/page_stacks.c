/* page_stacks.c - the tree of stacks, as the page reads it.
 *
 *   "functions": [name, file, module, ...]   numbers of texts; function 0 stands for what was folded
 *   "stacks": for each node but the root, parents before children:
 *       1 + levels to go up from the previous node, function,
 *       for each run a bit for each measure that is not 0, then those measures, without what is below
 *
 * A node is kept if it is large in any measure of any run: nodes are sorted by that, and the first ones
 * kept. What is below a kept node, but not kept itself, is added up in one node, so that all sums stay the
 * same.
 */
#include "page.h"

#include <stdlib.h>
#include <string.h>

#define LEAST (1.0 / 4000) /* share of a run: less than half a pixel */
#define FOLDED 0           /* the function's number */

/* All by node of the tree. */
struct fold {
    struct page *page;
    double *share;                /* its largest share in any measure */
    uint32_t *first, *next;       /* first kept child, next kept sibling; 0 = none */
    struct store_measures *small; /* two for each node: what is below it and not kept */
    uint32_t *number;             /* its number on the page; 0 = the root, or folded */
    uint32_t *number_of_small;
    uint32_t *function; /* by key: the function's number on the page */
    size_t functions;
    uint32_t depth; /* of the node written last */
    struct pack pack;
};

/* ---- which nodes ------------------------------------------------------------------------------ */

static double share_of(const struct page *page, const struct tree_node *node)
{
    double most = 0;

    for (int run = 0; run < page->run_count; run++)
        for (int i = 0; i < MEASURES; i++) {
            double whole = (double)measure_value(&page->tree.nodes[0].m[run], i);
            double share = whole > 0 ? (double)measure_value(&node->m[run], i) / whole : 0;

            most = share > most && !measures[i].is_least ? share : most;
        }
    return most;
}

static int descending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x < y) - (x > y);
}

static double least_share(const struct fold *fold, size_t count)
{
    double *sorted = malloc(count * sizeof *sorted), least = LEAST;

    memcpy(sorted, fold->share, count * sizeof *sorted);
    qsort(sorted, count, sizeof *sorted, descending);
    if (count > PAGE_STACK_NODES && sorted[PAGE_STACK_NODES] > least)
        least = sorted[PAGE_STACK_NODES];
    free(sorted);
    return least;
}

/* Parents are never smaller than their children (ensured here, in case the file says otherwise), so the
 * parents of a kept node are kept, too. */
static void choose(struct fold *fold)
{
    const struct tree *tree = &fold->page->tree;

    fold->share[0] = 2;
    for (size_t i = 1; i < tree->count; i++) {
        double share = share_of(fold->page, &tree->nodes[i]), above = fold->share[tree->nodes[i].parent];

        fold->share[i] = share < above ? share : above;
    }
    double least = least_share(fold, tree->count);

    for (size_t i = tree->count; i-- > 1;) {
        uint32_t parent = tree->nodes[i].parent;

        if (fold->share[i] > least) {
            fold->next[i] = fold->first[parent];
            fold->first[parent] = (uint32_t)i;
        } else if (fold->share[parent] > least) {
            fold->number_of_small[parent] = 1; /* gets its real number later */
            for (int run = 0; run < 2; run++)
                measures_add(&fold->small[2 * parent + run], &tree->nodes[i].m[run]);
        }
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

static uint32_t function_number(struct fold *fold, uint32_t key)
{
    if (key != FOLDED && fold->function[key] == 0)
        fold->function[key] = (uint32_t)++fold->functions;
    return key != FOLDED ? fold->function[key] : FOLDED;
}

/* m: an array of two. Returns the node's number. */
static uint32_t write_node(struct fold *fold, uint32_t depth, uint32_t key, const struct store_measures *m)
{
    pack_number(&fold->pack, fold->depth + 1 - depth);
    pack_number(&fold->pack, function_number(fold, key));
    for (int run = 0; run < fold->page->run_count; run++) {
        unsigned bits = 0;

        for (int i = 0; i < MEASURES; i++)
            bits |= (unsigned)(measure_value(&m[run], i) > 0) << i;
        pack_number(&fold->pack, bits);
        for (int i = 0; i < MEASURES; i++)
            if (measure_value(&m[run], i) > 0)
                pack_number(&fold->pack, (uint64_t)measure_value(&m[run], i));
    }
    fold->depth = depth;
    return (uint32_t)fold->page->stack_count++;
}

/* Writes what the node has by itself: everything below it minus what its children have. */
static void write_kept(struct fold *fold, uint32_t depth, uint32_t node)
{
    const struct tree *tree = &fold->page->tree;
    struct store_measures own[2];

    for (int run = 0; run < 2; run++) {
        own[run] = tree->nodes[node].m[run];
        measures_subtract(&own[run], &fold->small[2 * node + run]);
        for (uint32_t child = fold->first[node]; child != 0; child = fold->next[child])
            measures_subtract(&own[run], &tree->nodes[child].m[run]);
    }
    if (node != 0)
        fold->number[node] = write_node(fold, depth, tree->nodes[node].key, own);
    if (fold->number_of_small[node] != 0)
        fold->number_of_small[node] = write_node(fold, depth + 1, FOLDED, &fold->small[2 * node]);
}

/* Depth first, without recursion, as stacks may be deep. */
static void write_all(struct fold *fold)
{
    const struct tree *tree = &fold->page->tree;
    uint32_t node = 0, depth = 0;

    fold->page->stack_count = 1;
    for (;;) {
        write_kept(fold, depth, node);
        if (fold->first[node] != 0) {
            node = fold->first[node];
            depth++;
            continue;
        }
        while (node != 0 && fold->next[node] == 0) {
            node = tree->nodes[node].parent;
            depth--;
        }
        if (node == 0)
            return;
        node = fold->next[node];
    }
}

/* Maps the profiles' nodes to nodes of the page. A folded one is mapped to the node for folded ones of its
 * nearest kept parent. */
static void renumber(struct fold *fold)
{
    struct page *page = fold->page;
    const struct tree *tree = &page->tree;

    for (size_t i = 1; i < tree->count; i++) {
        uint32_t parent = tree->nodes[i].parent;

        if (fold->number[i] == 0)
            fold->number[i] =
                fold->number_of_small[parent] != 0 ? fold->number_of_small[parent] : fold->number[parent];
    }
    for (int run = 0; run < page->run_count; run++)
        for (size_t i = 0; i < page->profiles[run].node_count; i++)
            page->nodes[run][i] = fold->number[page->nodes[run][i]];
}

static void write_functions(struct fold *fold)
{
    struct page *page = fold->page;
    int64_t *out = calloc((fold->functions + 1) * 3, sizeof *out);

    for (size_t key = 1; key <= page->function_count; key++) {
        const struct page_function *function = &page->functions[key - 1];
        const struct profile_place *place = &page->profiles[function->run].places[function->place];
        int64_t *to = out + 3 * fold->function[key];

        if (fold->function[key] == 0)
            continue;
        to[0] = texts_number(&page->texts, place->function);
        to[1] = texts_number(&page->texts, place->file != NULL ? place->file : "");
        to[2] = texts_number(&page->texts, *place->module != '\0' || strcmp(place->language, "native") == 0
                                               ? place->module
                                               : place->language);
    }
    json_numbers(page->json, "functions", out, (fold->functions + 1) * 3);
    free(out);
}

void page_stacks(struct page *page)
{
    size_t n = page->tree.count;
    struct fold fold = {
        .page = page,
        .share = calloc(n, sizeof(double)),
        .first = calloc(n, sizeof(uint32_t)),
        .next = calloc(n, sizeof(uint32_t)),
        .small = calloc(2 * n, sizeof(struct store_measures)),
        .number = calloc(n, sizeof(uint32_t)),
        .number_of_small = calloc(n, sizeof(uint32_t)),
        .function = calloc(page->function_count + 1, sizeof(uint32_t)),
    };

    choose(&fold);
    write_all(&fold);
    renumber(&fold);
    write_functions(&fold);
    pack_json(&fold.pack, page->json, "stacks");
    free(fold.share);
    free(fold.first);
    free(fold.next);
    free(fold.small);
    free(fold.number);
    free(fold.number_of_small);
    free(fold.function);
}
