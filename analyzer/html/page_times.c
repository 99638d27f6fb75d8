/* page_times.c - for selecting a time on the chart: how much each row and each stack changed in each slice of
 * time.
 *
 *   "slices": N, "rows_in_time", "stacks_in_time": for each row (node) that changed at all
 *       its number, minus the previous one's; the number of slices in which it changed; for each of these
 *       the slice's number, minus the previous one's; the change of each measure that is sampled
 *
 * The database has the changes of each site from moment to moment. If the page would become too large,
 * slices are merged in pairs.
 */
#include "page.h"
#include "type_boxes.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* Changes by number of a row or node, slice, and measure. */
struct grid {
    int64_t *change;
    size_t count, slices;
    size_t values; /* number of measures that are sampled */
};

struct times {
    struct page *page;
    struct grid rows, stacks;
    uint32_t *place; /* by node of the profile: the place that its site counts for; PROFILE_NONE = none */
    int64_t end_ns;
};

static int64_t *cell(const struct grid *grid, size_t number, size_t slice)
{
    return grid->change + (number * PAGE_SLICES + slice) * grid->values;
}

static int is_empty(const struct grid *grid, size_t number, size_t slice)
{
    const int64_t *values = cell(grid, number, slice);

    for (size_t v = 0; v < grid->values; v++)
        if (values[v] != 0)
            return 0;
    return 1;
}

static size_t filled(const struct grid *grid)
{
    size_t n = 0;

    for (size_t i = 0; i < grid->count; i++)
        for (size_t k = 0; k < grid->slices; k++)
            n += !is_empty(grid, i, k);
    return n;
}

static void merge_slices(struct grid *grid)
{
    for (size_t i = 0; i < grid->count; i++)
        for (size_t k = 0; k < grid->slices; k += 2)
            for (size_t v = 0; v < grid->values; v++) {
                int64_t both = cell(grid, i, k)[v] + cell(grid, i, k + 1)[v];

                cell(grid, i, k)[v] = 0;
                cell(grid, i, k / 2)[v] = both;
            }
    grid->slices /= 2;
}

static void write_grid(struct page *page, const struct grid *grid, const char *key)
{
    struct pack pack = {0};
    size_t last = 0;

    for (size_t i = 0; i < grid->count; i++) {
        size_t n = 0, before = 0;

        for (size_t k = 0; k < grid->slices; k++)
            n += !is_empty(grid, i, k);
        if (n == 0)
            continue;
        pack_number(&pack, i - last);
        pack_number(&pack, n);
        last = i;
        for (size_t k = 0; k < grid->slices; k++) {
            if (is_empty(grid, i, k))
                continue;
            pack_number(&pack, k - before);
            before = k;
            for (size_t v = 0; v < grid->values; v++)
                pack_signed(&pack, cell(grid, i, k)[v]);
        }
    }
    pack_json(&pack, page->json, key);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void add(struct times *times, int64_t t_ns, int64_t node, const int64_t *change)
{
    const struct page *page = times->page;
    double part = (double)t_ns / (double)times->end_ns * PAGE_SLICES;
    size_t slice = part < 0 ? 0 : part >= PAGE_SLICES ? PAGE_SLICES - 1 : (size_t)part;
    uint32_t index = type_boxes_node(&page->profiles[0], profile_node_index(&page->profiles[0], node));

    if (times->place[index] == PROFILE_NONE)
        return;
    int64_t *stack = cell(&times->stacks, page->nodes[0][index], slice);
    int64_t *row = cell(&times->rows, page->row_of[times->place[index]], slice);

    for (size_t v = 0; v < times->rows.values; v++) {
        stack[v] = (int64_t)((uint64_t)stack[v] + (uint64_t)change[v]);
        row[v] = (int64_t)((uint64_t)row[v] + (uint64_t)change[v]);
    }
}

static int read_samples(struct times *times, size_t *count)
{
    char *sql = sqlite3_mprintf("SELECT node, t_ns, {sampled: #} FROM site_sample WHERE run = ? AND %s",
                                filter_sql_site(times->page->filter));
    sqlite3_stmt *s = report_prepare_text(times->page->report, sql);
    int64_t change[MEASURES];
    int status = EXIT_FINE;

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, times->page->runs[0]->number);
    while (report_step(times->page->report, s, &status)) {
        for (size_t v = 0; v < times->rows.values; v++)
            change[v] = sqlite3_column_int64(s, 2 + (int)v);
        add(times, sqlite3_column_int64(s, 1), sqlite3_column_int64(s, 0), change);
        ++*count;
    }
    sqlite3_finalize(s);
    return status;
}

/* 0 if there is nothing to read. Otherwise the end of the page's curve, so that the slices end there; what
 * was recorded a moment later goes into the last slice. */
static int read_end(struct page *page, int64_t *end_ns)
{
    sqlite3_stmt *s = report_prepare(
        page->report,
        "SELECT CASE WHEN EXISTS (SELECT 1 FROM site_sample WHERE run = ?1) "
        "THEN max(1, ?2, (SELECT coalesce(max(t_ns), 0) FROM sample WHERE run = ?1)) ELSE 0 END");
    int status = EXIT_FINE;

    *end_ns = 0;
    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, page->runs[0]->number);
    sqlite3_bind_int64(s, 2, page->runs[0]->t.wall_ns);
    if (report_step(page->report, s, &status))
        *end_ns = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return status;
}

static int write_times(struct times *times)
{
    struct page *page = times->page;
    size_t count = 0;
    int status = read_samples(times, &count);

    if (status != EXIT_FINE || count == 0)
        return status;
    while (times->rows.slices > 4 && filled(&times->rows) + filled(&times->stacks) > PAGE_SLICE_VALUES) {
        merge_slices(&times->rows);
        merge_slices(&times->stacks);
    }
    json_number(page->json, "slices", (int64_t)times->rows.slices);
    json_real(page->json, "slices_end_s", (double)times->end_ns / 1e9);
    write_grid(page, &times->rows, "rows_in_time");
    write_grid(page, &times->stacks, "stacks_in_time");
    return EXIT_FINE;
}

static void make_grid(struct grid *grid, size_t count)
{
    *grid = (struct grid){.count = count, .slices = PAGE_SLICES};
    for (int i = 0; i < MEASURES; i++)
        grid->values += measure_sampled(i);
    grid->change = calloc(count * PAGE_SLICES, grid->values * sizeof(int64_t));
}

int page_times(struct page *page)
{
    const struct profile *p = &page->profiles[0];
    struct times times = {.page = page};
    int status = read_end(page, &times.end_ns);

    if (status != EXIT_FINE || times.end_ns == 0)
        return status;
    times.place = calloc(p->node_count, sizeof *times.place);
    make_grid(&times.rows, page->row_count);
    make_grid(&times.stacks, page->stack_count);
    memset(times.place, 0xff, p->node_count * sizeof *times.place);
    for (size_t i = 0; i < p->site_count; i++)
        times.place[p->sites[i].node] = p->sites[i].place;
    status = write_times(&times);
    free(times.rows.change);
    free(times.stacks.change);
    free(times.place);
    return status;
}
