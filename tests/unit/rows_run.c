/* rows_run.c - see rows_run.h. Built into the test with the real store, and into rows-sender. */
#include "rows_run.h"
#include "store.h"

#include <stdio.h>
#include <string.h>

static int first_error;

static void expect(int code)
{
    if (code < 0 && !first_error)
        first_error = code;
}

static int next_node(void *data, struct store_node *node)
{
    int *done = data;
    if (*done == ROWS_RUN_SITES)
        return 0;
    ++*done;
    *node = (struct store_node){*done, *done % 7 ? *done - 1 : *done % 2 ? -1 : 0, *done % 3};
    return 1;
}

static int next_site(void *data, struct store_site *site)
{
    static uint8_t sizes[STORE_HISTOGRAM_MAX];
    static const uint64_t counts[STORE_HISTOGRAM_CLASSES] = {[3] = 5, [40] = 1ull << 40, [64] = 1};
    int *done = data;
    if (*done == ROWS_RUN_SITES)
        return 0;
    ++*done;
    *site = (struct store_site){.key = {.node = *done, .process = 1},
                                .line = *done % 3,
                                .leaf = 1,
                                .m = {*done, 2000 + *done, 3, 4, *done - 1, 1992 + *done, 7, 1ll << 50, 8},
                                .smallest = 9,
                                .largest = 10};
    if (*done % 2) {
        site->sizes_size = store_histogram_encode(counts, sizes);
        site->sizes = sizes;
    }
    return 1;
}

static void write_description(struct store *store)
{
    static const uint8_t id[20] = {0, 1, 2, 0xff};
    const struct store_process process = {.id = 1,
                                          .pid = 100,
                                          .parent_pid = 1,
                                          .command = "./a b\xff c",
                                          .executable = "/bin/\xc3\xa4",
                                          .started_ns = 5,
                                          .ended_ns = -1,
                                          .exit_known = 1,
                                          .exit_status = -9,
                                          .m = {1, 2, 3, 4, -5, 6, 7},
                                          .frees = 8,
                                          .freed_bytes = 9};
    char long_text[6000];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    expect(store_process(store, &process));
    expect(store_thread(store, 1, 1, 100, "main", 1, 2, 3));
    expect(store_module(store, 1, "/bin/a", id, sizeof id, -1));
    /* the same module, about which more is known now */
    expect(store_module(store, 1, "/bin/a", id, sizeof id, 3));
    expect(store_module(store, 2, "", NULL, 0, 0));
    expect(store_line(store, 1, NULL, 0, long_text, "/bin/a", "native", 1));
    expect(store_line(store, 2, "a.py", 12, "f", "", "python", 0));
    expect(store_frame(store, 1, 1, 0x1234));
    expect(store_frame(store, 2, 0, -1));
    expect(store_frame_line(store, 1, 0, 1));
    expect(store_frame_line(store, 1, 1, 2));
}

static void write_pages(struct store *store)
{
    const struct store_page_moment high = {.id = 1, .process = 1, .t_ns = 5, .kind = STORE_PAGES_HIGH},
                                   end = {.id = 2,
                                          .process = 1,
                                          .t_ns = 13,
                                          .took_ns = 14,
                                          .kind = STORE_PAGES_END,
                                          .mark = 1,
                                          .resident = 4096,
                                          .pss = -1,
                                          .untouched = 15,
                                          .swapped = 16,
                                          .missing = "Not \xff all."};
    const struct store_page_row
        before = {.moment = 1, .process = 1, .part = PAGES_OTHER, .bytes = 1},
        site = {.moment = 2,
                .process = 1,
                .part = PAGES_PINNED,
                .node = 2,
                .line = 1,
                .bytes = 1000,
                .blocks = 3},
        file = {.moment = 2, .process = 1, .part = PAGES_FILES, .name = "/bin/\xc3\xa4", .bytes = 2096},
        untouched = {.moment = 2, .process = 1, .part = STORE_PAGES_UNTOUCHED, .bytes = 15};
    expect(store_page_moment(store, &high));
    expect(store_page_row(store, &before));
    expect(store_page_forget(store, 1));
    expect(store_page_moment(store, &end));
    expect(store_page_row(store, &site));
    expect(store_page_row(store, &site)); /* the same key: the values add up */
    expect(store_page_row(store, &file));
    expect(store_page_row(store, &untouched));
    expect(store_stack_type(store, 1, "dict", STORE_TYPE_EXACT));
    expect(store_stack_type(store, 2, "std::string", STORE_TYPE_INFERRED));
    expect(store_stack_part(store, &(struct store_stack_part){1, 2, 3, 4, 7}));
    expect(store_object_type(store, &(struct store_object_type){"app.Item", 48, 8, 1, 1, 2}));
    expect(store_object_type(store, &(struct store_object_type){"int", 24, 4, 0, 0, 0}));
    expect(store_object_keys(store, "app.Item", 3));
    expect(store_object_keys(store, "app.Item", 4)); /* more were seen */
    expect(store_unreadable_process(store, 1));
    expect(store_sampling(store, &(struct store_sampling){524288, 33, -1, -1}));
    expect(store_sampling(store, &(struct store_sampling){524288, 34, 35, -1})); /* more is known now */
    expect(store_site_error(store, &(struct store_site_error){{1, 1, 0}, 0.5, 1e12, 2, 3, 0, 4e11}));
    expect(store_site_fate(store, &(struct store_site_fate){{2, 1, 0}, 1, 2, 3}));
    expect(store_peak_copy(store, &(struct store_peak_copy){STORE_COPY_COUNTED, {0, 1, 0}, 0, 0, 0, 0}));
    expect(store_peak_copy(store, &(struct store_peak_copy){STORE_COPY_INSIDE, {1, 1, 0}, 4, 5, 6, 7}));
    expect(
        store_site_content(store, &(struct store_site_content){{1, 1, 0}, 9, 90, 2, 20, 3, 30, 8, 1, 1000}));
}

static void write_rest(struct store *store)
{
    const struct store_mark mark = {1, 10, 1, "loaded", 1, 1, 5, 6};
    const struct store_site_sample sample = {11, {1, 1, 0}, {1, 2, 0, 0, -3, -4, 5, 0, 0}};
    int nodes = 0, sites = 0;
    expect(store_sites(store, next_site, &sites));
    expect(store_nodes(store, next_node, &nodes));
    expect(store_sample(store, 7, 8, 9, 10));
    expect(store_mark(store, &mark));
    expect(store_moment(store, 11, 12));
    expect(store_site_sample(store, &sample));
    expect(store_event(store, 1, 3, 1, 100, "free", 1ll << 46, 0, 0));
    expect(store_block(store, 1, 0x10, 20, 2, 30));
    write_pages(store);
}

static void write_end(struct store *store)
{
    const struct store_run totals = {.wall_ns = 1,
                                     .cpu_ns = 2,
                                     .exit_known = 1,
                                     .exit_status = 3,
                                     .m = {4, 5, 6, 7, 8, 9, 10},
                                     .frees = 11,
                                     .freed_bytes = 12,
                                     .peak_ns = 13,
                                     .peak_rss_bytes = 14,
                                     .foreign_frees = 15,
                                     .events_lost = 16,
                                     .stacks_checked = 17,
                                     .stacks_different = 18,
                                     .stacks_slow = 19,
                                     .waits = 20,
                                     .waited_ns = 21,
                                     .collector_cpu_ns = 22,
                                     .taken_ns = 23,
                                     .lap_peak_allocations = 24,
                                     .lap_peak_bytes = 25,
                                     .by_thread = 1,
                                     .damaged = 26,
                                     .stopped = 27,
                                     .untraced = 28,
                                     .stacks_lost = 29,
                                     .end_allocations = 30,
                                     .end_bytes = 31};
    expect(store_run_totals(store, &totals));
    expect(store_run_label(store, "label"));
    expect(store_run_phase(store, "symbols", 0.5));
    expect(store_run_why(store, "why"));
    expect(store_line_totals(store));
    expect(store_run_state(store, "complete"));
}

int rows_run_record(const char *path, const char *root)
{
    struct store *store;
    int64_t run;
    first_error = 0;
    expect(store_open(path, &store));
    if (!first_error) {
        expect(store_begin(store));
        expect(store_run_add(store, "label", "command", "2026-01-31T23:59:59.999Z", root, &run));
        expect(store_commit(store));
        expect(store_begin(store));
        write_description(store);
        write_rest(store);
        expect(store_commit(store));
        expect(store_begin(store));
        write_end(store);
        expect(store_commit(store));
        expect(store_finish(store));
    }
    if (first_error)
        fprintf(stderr, "%s\n", store_error(store));
    store_close(store);
    return first_error;
}
