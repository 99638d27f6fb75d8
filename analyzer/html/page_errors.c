/* page_errors.c - how far the numbers of a sampled run may be off, for those of the page that are not rows: see
 * page_rows.c for these.
 *
 *   "stack_errors": for each node but the root, in the order of "stacks", and each run that is sampled: a bit for each
 *       measure whose standard error is not 0, then those errors, in sixteenths, without what is below the node
 *   of a run: "errors": {"bytes_error": ..., ...}; "sizes_errors", "lifetimes_errors": of its histograms' classes
 *
 * Sixteenths, because the page adds up the squares of many small ones.
 */
#include "page.h"
#include "sampling.h"

#include <math.h>
#include <stdlib.h>

#define PARTS 16.0

int page_is_sampled(const struct page *page)
{
    int sampled = 0;

    for (int run = 0; run < page->run_count; run++)
        sampled |= sampling_is_on(page->runs[run]);
    return sampled;
}

void pack_errors(struct pack *pack, const struct variances *v)
{
    uint64_t parts[MEASURES];
    unsigned bits = 0;

    for (int i = 0; i < MEASURES; i++) {
        parts[i] = (uint64_t)llround(fmin(variances_error(v, i) * PARTS, 9e18));
        bits |= (unsigned)(parts[i] > 0) << i;
    }
    pack_number(pack, bits);
    for (int i = 0; i < MEASURES; i++)
        if (parts[i] > 0)
            pack_number(pack, parts[i]);
}

/* By the page's node: what it has by itself. */
static void add_up(const struct page *page, int run, struct variances *of_node)
{
    const struct profile *p = &page->profiles[run];

    for (size_t i = 0; i < p->variance_count; i++)
        variances_add(&of_node[page->nodes[run][p->sites[i].node]], &p->variances[i]);
}

void page_stack_errors(struct page *page)
{
    struct variances *of_node[2] = {NULL};
    struct pack pack = {0};

    if (!page_is_sampled(page))
        return;
    for (int run = 0; run < page->run_count; run++) {
        if (!sampling_is_on(page->runs[run]))
            continue;
        of_node[run] = calloc(page->stack_count, sizeof *of_node[run]);
        add_up(page, run, of_node[run]);
    }
    for (size_t i = 1; i < page->stack_count; i++)
        for (int run = 0; run < page->run_count; run++)
            if (of_node[run] != NULL)
                pack_errors(&pack, &of_node[run][i]);
    pack_json(&pack, page->json, "stack_errors");
    free(of_node[0]);
    free(of_node[1]);
}

static void write_classes(struct json *json, const char *key, const double *variances)
{
    int64_t out[STORE_HISTOGRAM_CLASSES];

    for (int i = 0; i < STORE_HISTOGRAM_CLASSES; i++)
        out[i] = llround(fmin(sqrt(variances[i]), 9e18));
    json_numbers(json, key, out, STORE_HISTOGRAM_CLASSES);
}

void page_run_errors(struct page *page, int run)
{
    const struct profile *p = &page->profiles[run];
    struct histograms_variances v;

    if (!sampling_is_on(page->runs[run]))
        return;
    json_object(page->json, "errors");
    variances_json(page->json, page->runs[run], &p->sum_v);
    json_close(page->json);
    histograms_variances(&p->histograms, page->runs[run], &v);
    write_classes(page->json, "sizes_errors", v.sizes);
    write_classes(page->json, "lifetimes_errors", v.lifetimes);
}
