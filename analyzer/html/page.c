/* page.c - writes the page: the bundle that node built, with the data inserted. */
#define _GNU_SOURCE
#include "page.h"
#include "fold.h"
#include "kind.h"
#include "text.h"
#include "type_boxes.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

#define SHORTEST_TEXT 64 /* names are never cut to less */
#define LONGEST_TEXT 2000

/* ---- functions ------------------------------------------------------------------------------- */

/* Numbers the functions of a profile's places, from 1 on. */
static void number_functions(struct page *page, int run, struct texts *names)
{
    const struct profile *p = &page->profiles[run];

    page->keys[run] = calloc(p->place_count, sizeof *page->keys[run]);
    for (size_t i = 0; i < p->place_count; i++) {
        const struct profile_place *place = &p->places[i];

        /* With two runs, only by name: people compare how the same thing was done in another file. */
        const char *file = page->run_count == 1 && place->file != NULL ? place->file : "";
        char *name = text_make("%s\n%s", place->function, text_basename(file));
        uint32_t number = texts_number(names, name);

        free(name);
        if (number == page->function_count) {
            struct page_function *function =
                profile_grow(&page->functions, &page->function_count, sizeof *function);

            *function = (struct page_function){run, (uint32_t)i};
        }
        page->keys[run][i] = number + 1;
    }
}

static void build_tree(struct page *page)
{
    struct texts names = {0};

    for (int run = 0; run < page->run_count; run++) {
        number_functions(page, run, &names);
        tree_add(&page->tree, &page->profiles[run], run, page->keys[run], &page->nodes[run]);
    }
    texts_free(&names);
    tree_sum(&page->tree);
}

/* ---- runs ------------------------------------------------------------------------------------ */

/* "samples": time in microseconds, live bytes, live blocks, resident bytes: each as the difference from
 * the previous sample. */
static int write_samples(struct page *page, int run)
{
    sqlite3_stmt *s =
        report_prepare(page->report, "SELECT t_ns / 1000, live_bytes, live_allocations, rss_bytes FROM "
                                     "sample WHERE run = ? ORDER BY t_ns LIMIT 20000");
    struct pack pack = {0};
    int64_t before[4] = {0};
    int status = EXIT_FINE;

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, page->runs[run]->number);
    while (report_step(page->report, s, &status))
        for (int i = 0; i < 4; i++) {
            int64_t now = sqlite3_column_int64(s, i);

            pack_signed(&pack, (int64_t)((uint64_t)now - (uint64_t)before[i]));
            before[i] = now;
        }
    sqlite3_finalize(s);
    pack_json(&pack, page->json, "samples");
    return status;
}

static int write_marks(struct page *page, int run)
{
    sqlite3_stmt *s =
        report_prepare(page->report, "SELECT t_ns, name FROM mark WHERE run = ? AND kind < 2 ORDER BY t_ns "
                                     "LIMIT 200");
    int status = EXIT_FINE;

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, page->runs[run]->number);
    json_array(page->json, "marks");
    while (report_step(page->report, s, &status)) {
        json_object(page->json, NULL);
        json_real(page->json, "t_s", sqlite3_column_double(s, 0) / 1e9);
        json_text(page->json, "name", (const char *)sqlite3_column_text(s, 1));
        json_close(page->json);
    }
    json_close(page->json);
    sqlite3_finalize(s);
    return status;
}

static void write_histogram(struct json *json, const char *key, const uint64_t *counts)
{
    int64_t out[STORE_HISTOGRAM_CLASSES];

    for (int i = 0; i < STORE_HISTOGRAM_CLASSES; i++)
        out[i] = (int64_t)counts[i];
    json_numbers(json, key, out, STORE_HISTOGRAM_CLASSES);
}

static int write_runs(struct page *page)
{
    int status = EXIT_FINE;

    json_array(page->json, "runs");
    for (int i = 0; i < page->run_count && status == EXIT_FINE; i++) {
        json_object(page->json, NULL);
        run_json(page->json, "facts", page->runs[i]);
        if (filter_is_set(page->filter)) {
            json_object(page->json, "passing");
            measures_json(page->json, page->runs[i], &page->profiles[i].sum, &page->profiles[i].sum_v);
            json_close(page->json);
        }
        status = write_samples(page, i);
        if (status == EXIT_FINE)
            status = write_marks(page, i);
        write_histogram(page->json, "sizes", page->profiles[i].histograms.sizes);
        write_histogram(page->json, "lifetimes", page->profiles[i].histograms.lifetimes);
        page_run_errors(page, i);
        json_number(page->json, "stacks", (int64_t)page->profiles[i].site_count);
        json_close(page->json);
    }
    json_close(page->json);
    return status;
}

/* ---- texts ----------------------------------------------------------------------------------- */

/* The longest that each text may be so that all of them together are small enough. */
static size_t longest_text(const struct texts *texts)
{
    for (size_t longest = LONGEST_TEXT;; longest /= 2) {
        size_t sum = 0;

        for (size_t i = 0; i < texts->count; i++) {
            size_t n = strlen(texts->text[i]);

            sum += (n < longest ? n : longest) + 5;
        }
        if (sum <= PAGE_TEXT || longest <= SHORTEST_TEXT)
            return longest;
    }
}

static void write_texts(struct page *page)
{
    size_t longest = longest_text(&page->texts);

    json_array(page->json, "texts");
    for (size_t i = 0; i < page->texts.count; i++) {
        char *text = page->texts.text[i];
        const char *end = text;

        while (*end != '\0' && (size_t)(end - text) < longest)
            text_next(&end);
        if (*end != '\0' && end[1] != '\0') {
            char *cut = text_make("%.*s\xe2\x80\xa6", (int)(end - text), text);

            json_text(page->json, NULL, cut);
            free(cut);
            continue;
        }
        json_text(page->json, NULL, text);
    }
    json_close(page->json);
}

/* ---- measures -------------------------------------------------------------------------------- */

/* "measures": all of them, in the order in which rows and stacks have their numbers. */
static void write_measures(struct json *json)
{
    static const char *const times[] = {[MEASURE_WHOLE] = "whole",
                                        [MEASURE_FLOW] = "flow",
                                        [MEASURE_LEVEL] = "level",
                                        [MEASURE_AT_PEAK] = "peak"};

    json_array(json, "measures");
    for (int i = 0; i < MEASURES; i++) {
        const struct measure_row *m = &measures[i];

        json_object(json, NULL);
        json_text(json, "column", m->name);
        json_true(json, "isBytes", m->is_bytes);
        json_text(json, "time", times[m->time]);
        json_number(json, "level", m->level);
        json_number(json, "ofRun", m->sites_only ? (int64_t)m->of_run : i);
        json_number(json, "least", measures[m->least].is_least ? (int64_t)m->least : -1);
        json_text(json, "noun", m->noun);
        json_number(json, "place", m->place);
        json_text(json, "name", m->by);
        json_number(json, "beside", m->beside);
        json_text(json, "title", m->title);
        json_text(json, "about", m->about);
        json_text(json, "aboutPart", m->about_part);
        json_text(json, "verb", m->verb);
        json_text(json, "of", m->of);
        json_close(json);
    }
    json_close(json);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int write_data(struct page *page, FILE *out)
{
    struct json json;
    char *only = filter_only(page->filter);

    page->json = &json;
    texts_number(&page->texts, "");
    json_begin(&json, out, "libtrace.page/1");
    json_text(&json, "by", measures[page->by].by);
    json_true(&json, "source", page->source);
    json_text(&json, "kind", kind_names[kind_shown]);
    if (only != NULL)
        json_text(&json, "only", only);
    free(only);
    write_measures(&json);
    int status = write_runs(page);

    if (status == EXIT_FINE) {
        page_stacks(page);
        page_stack_errors(page);
        status = page->run_count == 1 ? page_rows(page) : page_changes(page);
    }
    if (status == EXIT_FINE && page->run_count == 1)
        page_row_stacks(page);
    if (status == EXIT_FINE && page->run_count == 1)
        status = page_times(page);
    if (status == EXIT_FINE && page->run_count == 1)
        status = page_resident(page);
    if (status == EXIT_FINE && page->run_count == 1 && kind_shown == KIND_HEAP)
        status = page_findings(page);
    write_texts(page);
    json_end(&json);
    return status;
}

/* '<' could end the script element. It occurs in strings only, where "\u003c" means the same. Indentation
 * is left out, too. */
static void write_escaped(FILE *out, const char *data, size_t size)
{
    int start = 0;

    for (size_t i = 0; i < size; i++) {
        if (data[i] == '<')
            fputs("\\u003c", out);
        else if (!(start && data[i] == ' '))
            putc_unlocked(data[i], out);
        start = data[i] == '\n' || (start && data[i] == ' ');
    }
}

static int write_file(struct page *page, FILE *out)
{
    const char *middle = strstr(html_page, PAGE_DATA);
    char *data = NULL;
    size_t size = 0;

    if (middle == NULL)
        return report_error(page->report, EXIT_FAILED, "the page was built without a place for its data");
    FILE *memory = open_memstream(&data, &size);
    int status = write_data(page, memory);

    fclose(memory);
    if (status == EXIT_FINE) {
        fwrite(html_page, 1, (size_t)(middle - html_page), out);
        write_escaped(out, data, size);
        fputs(middle + strlen(PAGE_DATA), out);
    }
    free(data);
    return status;
}

int page_write(const struct report *report, const struct run *const *runs, int count,
               const struct filter *filter, enum measure by, int source, int all_frames, FILE *out)
{
    struct page page = {.report = report, .filter = filter, .run_count = count, .by = by, .source = source};
    int status = EXIT_FINE;

    for (int i = 0; i < count && status == EXIT_FINE; i++) {
        const struct profile_query query = {.run = runs[i], .filter = filter, .histograms = 1};

        page.runs[i] = runs[i];
        status = profile_load(report, &query, &page.profiles[i]);
        if (status == EXIT_FINE) {
            type_boxes_add(&page.profiles[i]);
            fold_frames(&page.profiles[i], all_frames, filter->below);
        }
    }
    if (status == EXIT_FINE) {
        build_tree(&page);
        status = write_file(&page, out);
    }
    for (int i = 0; i < 2; i++) {
        profile_free(&page.profiles[i]);
        free(page.keys[i]);
        free(page.nodes[i]);
    }
    tree_free(&page.tree);
    texts_free(&page.texts);
    free(page.functions);
    free(page.row_of);
    free(page.detailed);
    return status;
}
