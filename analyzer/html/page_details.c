/* page_details.c - what a click on a line shows: the source around it, and its stacks. Of the largest lines only.
 *
 *   "around": [row, first line, lines, their texts ...; ...]
 *   "row_stacks": for each such row its number, less that of the one before; how many stacks it has, and how many of
 *       them are here; for each of those the node of the page that it ends in, a bit for each
 *       measure that is not 0, then those; in a sampled run their errors, as in "stack_errors"
 *
 * What is in too small a stack to be on the page is in the node that such stacks were folded into.
 */
#include "page.h"
#include "source.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#define CONTEXT 4 /* lines above, and below */
#define LONGEST_LINE 160
#define ROW_STACKS 8 /* for each row, the largest in some measure */

/* ---- source ---------------------------------------------------------------------------------- */

/* Of a text that is as long as that: without the white space at its end, and not too long. */
static uint32_t line_number(struct page *page, const char *from, const char *to)
{
    char text[LONGEST_LINE + 1];
    size_t size;

    while (to > from && isspace((unsigned char)to[-1]))
        to--;
    size = (size_t)(to - from) < LONGEST_LINE ? (size_t)(to - from) : LONGEST_LINE;
    memcpy(text, from, size);
    text[size] = '\0';
    return texts_number(&page->texts, text);
}

void page_around(struct page *page, struct page_numbers *to, size_t row, const char *file, int64_t line)
{
    const char *text, *end;
    size_t size;
    int64_t first = line > CONTEXT ? line - CONTEXT : 1, out[3 + 2 * CONTEXT + 1], n = 0;

    if (!page->source || line <= 0 || source_whole(page->runs[0], file, &text, &size) != SOURCE_FINE)
        return;
    end = text + size;
    for (int64_t i = 1; text < end && i <= line + CONTEXT; i++) {
        const char *stop = memchr(text, '\n', (size_t)(end - text));

        stop = stop != NULL ? stop : end;
        if (i >= first)
            out[3 + n++] = line_number(page, text, stop);
        text = stop < end ? stop + 1 : end;
    }
    if (first + n <= line) /* the file is shorter than that */
        return;
    out[0] = (int64_t)row;
    out[1] = first;
    out[2] = n;
    for (int64_t i = 0; i < 3 + n; i++) {
        int64_t *place = profile_grow(&to->list, &to->count, sizeof *place);

        *place = out[i];
    }
}

/* ---- stacks ---------------------------------------------------------------------------------- */

struct row_stack {
    uint32_t row, node; /* of the page */
    double share;       /* of its row, in the measure in which that is largest */
    struct store_measures m;
    struct variances v;
};

static int by_row_and_node(const void *a, const void *b)
{
    const struct row_stack *x = a, *y = b;

    return x->row != y->row ? (x->row > y->row) - (x->row < y->row)
                            : (x->node > y->node) - (x->node < y->node);
}

static int by_row_and_share(const void *a, const void *b)
{
    const struct row_stack *x = a, *y = b;

    if (x->row != y->row)
        return x->row > y->row ? 1 : -1;
    return x->share != y->share ? (x->share < y->share ? 1 : -1) : by_row_and_node(a, b);
}

static struct variances variances_of(const struct profile *profile, size_t site)
{
    return profile->variances != NULL ? profile->variances[site] : (struct variances){{0}};
}

/* Those of lines that have details, each node of a row once; their number. */
static size_t collect(const struct page *page, struct row_stack *stacks)
{
    const struct profile *p = &page->profiles[0];
    size_t n = 0, kept = 0;

    for (size_t i = 0; i < p->site_count; i++) {
        uint32_t row = p->sites[i].place != PROFILE_NONE ? page->row_of[p->sites[i].place] : 0;

        if (row != 0 && page->detailed[row])
            stacks[n++] = (struct row_stack){row, page->nodes[0][p->sites[i].node], 0, p->sites[i].m,
                                             variances_of(p, i)};
    }
    if (n == 0)
        return 0;
    qsort(stacks, n, sizeof *stacks, by_row_and_node);
    for (size_t i = 1; i < n; i++) {
        if (by_row_and_node(&stacks[kept], &stacks[i]) != 0) {
            stacks[++kept] = stacks[i];
            continue;
        }
        measures_add(&stacks[kept].m, &stacks[i].m);
        variances_add(&stacks[kept].v, &stacks[i].v);
    }
    return kept + 1;
}

/* The largest of each row first. */
static void put_in_order(struct row_stack *stacks, size_t count)
{
    for (size_t first = 0, end; first < count; first = end) {
        struct store_measures sum = {0};

        for (end = first; end < count && stacks[end].row == stacks[first].row; end++)
            measures_add(&sum, &stacks[end].m);
        for (size_t i = first; i < end; i++)
            for (int by = 0; by < MEASURES; by++) {
                double whole = (double)measure_value(&sum, by),
                       share = whole > 0 ? (double)measure_value(&stacks[i].m, by) / whole : 0;

                stacks[i].share = share > stacks[i].share && !measures[by].is_least ? share : stacks[i].share;
            }
    }
    if (count > 0)
        qsort(stacks, count, sizeof *stacks, by_row_and_share);
}

static void write_stack(struct pack *pack, const struct row_stack *stack)
{
    unsigned bits = 0;

    for (int i = 0; i < MEASURES; i++)
        bits |= (unsigned)(measure_value(&stack->m, i) > 0) << i;
    pack_number(pack, stack->node);
    pack_number(pack, bits);
    for (int i = 0; i < MEASURES; i++)
        if (measure_value(&stack->m, i) > 0)
            pack_number(pack, (uint64_t)measure_value(&stack->m, i));
}

void page_row_stacks(struct page *page)
{
    struct row_stack *stacks = calloc(page->profiles[0].site_count + 1, sizeof *stacks);
    struct pack pack = {0};
    uint32_t last = 0;
    size_t count = collect(page, stacks);

    put_in_order(stacks, count);
    for (size_t first = 0, end; first < count; first = end) {
        for (end = first; end < count && stacks[end].row == stacks[first].row; end++)
            ;
        size_t shown = end - first < ROW_STACKS ? end - first : ROW_STACKS;

        pack_number(&pack, stacks[first].row - last);
        pack_number(&pack, end - first);
        pack_number(&pack, shown);
        last = stacks[first].row;
        for (size_t i = first; i < first + shown; i++) {
            write_stack(&pack, &stacks[i]);
            if (page_is_sampled(page))
                pack_errors(&pack, &stacks[i].v);
        }
    }
    pack_json(&pack, page->json, "row_stacks");
    free(stacks);
}
