/* page_rows.c - the page's table: the lines of a run, or what changed in them between two.
 *
 *   "rows": [file, line, function, module, all measures, source, ...]   row 0 is the sum of those left out
 *   "errors": [standard errors of all measures, ...]                     of these rows, in a sampled run
 *   "changes": {measure: [file, line, line before, function, module, state, before, after, blocks before,
 *         blocks after, source, error of before, of after, ...], ...}   likewise. state: 0 in both runs, 1 new, 2 gone;
 *         +4: before is an upper bound, +8: after is one
 *
 * Texts are numbers in "texts", 0 = none.
 */
#define _GNU_SOURCE
#include "page.h"
#include "match.h"
#include "sampling.h"
#include "source.h"
#include "text.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROW (5 + MEASURES)
#define CHANGE 13
#define CHANGED_ROWS (PAGE_ROWS / 3) /* for each measure */

/* A line, and its share in the measure in which that is largest. */
struct ranked {
    const struct line_row *row;
    double share;
    int detailed; /* see page_details.c */
};

static int by_share(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;

    if (x->share != y->share)
        return x->share < y->share ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

/* Sorted this way, each source file is read only once. */
static int by_place(const void *a, const void *b)
{
    const struct line_row *x = ((const struct ranked *)a)->row, *y = ((const struct ranked *)b)->row;
    int c = strcmp(x->file != NULL ? x->file : "", y->file != NULL ? y->file : "");

    return c != 0 ? c : (x->line > y->line) - (x->line < y->line);
}

static double largest_share(const struct store_measures *m, const struct store_measures *whole)
{
    double most = 0;

    for (int by = 0; by < MEASURES; by++) {
        double all = (double)measure_value(whole, by),
               share = all > 0 ? (double)measure_value(m, by) / all : 0;

        most = share > most && !measures[by].is_least ? share : most;
    }
    return most;
}

uint32_t page_file(struct page *page, const struct run *run, const char *file)
{
    return file != NULL ? texts_number(&page->texts, source_short(run, file)) : 0;
}

static uint32_t source_text(struct page *page, const struct run *run, const char *file, int64_t line)
{
    char *text = NULL;
    uint32_t number = 0;

    if (page->source && source_line(run, file, line, &text) == SOURCE_FINE)
        number = texts_number(&page->texts, text);
    free(text);
    return number;
}

static void put_row(struct page *page, int64_t *to, const struct line_row *row)
{
    to[0] = page_file(page, page->runs[0], row->file);
    to[1] = row->line;
    to[2] = texts_number(&page->texts, row->function);
    to[3] = texts_number(&page->texts, *row->module != '\0' || strcmp(row->language, "native") == 0
                                           ? row->module
                                           : row->language);
    memcpy(to + 4, &row->m, sizeof row->m);
    to[4 + MEASURES] = source_text(page, page->runs[0], row->file, row->line);
}

/* ---- which row a place is in ------------------------------------------------------------------- */

static char *key_of(const char *file, int64_t line, const char *function, const char *module)
{
    return text_make("%s\n%lld\n%s\n%s", file != NULL ? file : "", (long long)line, function, module);
}

/* rows: the lines on the page, in their order. */
static void find_rows_of_places(struct page *page, const struct ranked *rows, size_t count)
{
    const struct profile *p = &page->profiles[0];
    struct texts keys = {0};
    uint32_t *row_of_key = calloc(p->place_count + count + 2, sizeof *row_of_key);

    page->row_of = calloc(p->place_count + 1, sizeof *page->row_of);
    for (size_t i = 0; i < count + p->place_count; i++) {
        const struct line_row *row = i < count ? rows[i].row : NULL;
        const struct profile_place *place = i < count ? NULL : &p->places[i - count];
        char *key = row != NULL ? key_of(row->file, row->line, row->function, row->module)
                                : key_of(place->file, place->line, place->function, place->module);
        uint32_t number = texts_number(&keys, key);

        free(key);
        if (row != NULL)
            row_of_key[number] = (uint32_t)i + 1;
        else
            page->row_of[i - count] = row_of_key[number];
    }
    free(row_of_key);
    texts_free(&keys);
}

/* ---- one run --------------------------------------------------------------------------------- */

/* ranked: the largest first. */
static void choose_detailed(struct page *page, struct ranked *ranked, size_t count)
{
    for (size_t i = 0; i < count; i++)
        ranked[i].detailed = i < PAGE_DETAILED;
    page->detailed = calloc(count + 1, 1);
}

/* In the order of the rows. */
static void write_errors(struct page *page, const struct lines *lines, const struct ranked *rows,
                         size_t count)
{
    struct variances rest = lines->sum_v;

    if (!sampling_is_on(page->runs[0]))
        return;
    int64_t *out = calloc((count + 1) * MEASURES, sizeof *out);

    for (size_t i = 0; i < count; i++) {
        for (int m = 0; m < MEASURES; m++)
            out[(i + 1) * MEASURES + (size_t)m] = llround(variances_error(&rows[i].row->v, m));
        variances_take(&rest, &rows[i].row->v);
    }
    for (int m = 0; m < MEASURES; m++)
        out[m] = llround(variances_error(&rest, m));
    json_numbers(page->json, "errors", out, (count + 1) * MEASURES);
    free(out);
}

static void write_rows(struct page *page, const struct lines *lines)
{
    struct ranked *ranked = calloc(lines->count + 1, sizeof *ranked);
    size_t kept = lines->count < PAGE_ROWS ? lines->count : PAGE_ROWS;
    int64_t *out = calloc((kept + 1) * ROW, sizeof *out);
    struct store_measures rest = lines->sum;
    struct page_numbers around = {0};

    for (size_t i = 0; i < lines->count; i++)
        ranked[i] = (struct ranked){&lines->rows[i], largest_share(&lines->rows[i].m, &lines->sum), 0};
    qsort(ranked, lines->count, sizeof *ranked, by_share);
    choose_detailed(page, ranked, kept);
    qsort(ranked, kept, sizeof *ranked, by_place);
    for (size_t i = 0; i < kept; i++) {
        put_row(page, out + (i + 1) * ROW, ranked[i].row);
        measures_subtract(&rest, &ranked[i].row->m);
        if (ranked[i].detailed) {
            page->detailed[i + 1] = 1;
            page_around(page, &around, i + 1, ranked[i].row->file, ranked[i].row->line);
        }
    }
    memcpy(out + 4, &rest, sizeof rest);
    write_errors(page, lines, ranked, kept);
    page->row_count = kept + 1;
    json_numbers(page->json, "rows", out, (kept + 1) * ROW);
    json_numbers(page->json, "around", around.list, around.count);
    json_number(page->json, "rows_in_all", (int64_t)lines->all);
    find_rows_of_places(page, ranked, kept);
    free(ranked);
    free(out);
    free(around.list);
}

int page_rows(struct page *page)
{
    struct lines_query query = {.run = page->runs[0], .by = page->by, .filter = page->filter};
    struct lines lines;
    int status = lines_read(page->report, &query, &lines);

    if (status == EXIT_FINE)
        write_rows(page, &lines);
    lines_free(&lines);
    return status;
}

/* ---- two runs -------------------------------------------------------------------------------- */

/* Adds the values to `to`, as the row of those left out is a sum. */
static void put_values(int64_t *to, const struct match *m, enum measure by)
{
    int counts = !measures[by].is_bytes;

    for (int side = 0; side < 2; side++) {
        to[6 + side] += (int64_t)(counts ? m->count[side] : m->bytes[side]);
        to[8 + side] += (int64_t)m->count[side];
    }
}

static const double *variances_of(const struct match *m, enum measure by)
{
    return measures[by].is_bytes ? m->bytes_variance : m->count_variance;
}

/* variances: of both sides, those of the row. */
static void put_errors(int64_t *to, const double *variances)
{
    for (int side = 0; side < 2; side++)
        to[11 + side] = llround(fmin(sqrt(variances[side]), 9e18));
}

/* The row of those left out, whose errors are not sums. */
static void put_rest(int64_t *to, const struct match *rows, size_t count, enum measure by)
{
    double variances[2] = {0};

    for (size_t i = 0; i < count; i++) {
        put_values(to, &rows[i], by);
        for (int side = 0; side < 2; side++)
            variances[side] += variances_of(&rows[i], by)[side];
    }
    to[1] = (int64_t)count;
    put_errors(to, variances);
}

static void put_change(struct page *page, int64_t *to, const struct match *m, enum measure by)
{
    to[0] = page_file(page, page->runs[m->in_second ? 1 : 0], m->file);
    to[1] = m->line;
    to[2] = m->line_before;
    to[3] = texts_number(&page->texts, m->function);
    to[4] = texts_number(&page->texts, m->module);
    to[5] = (!m->in_first ? 1 : !m->in_second ? 2 : 0) | m->at_most[0] << 2 | m->at_most[1] << 3;
    to[10] = source_text(page, page->runs[m->in_second ? 1 : 0], m->file, m->line);
    put_values(to, m, by);
    put_errors(to, variances_of(m, by));
}

static int write_changes(struct page *page, enum measure by)
{
    struct side sides[2];
    struct matches matches = {0};
    struct run copies[2] = {*page->runs[0], *page->runs[1]};

    for (int i = 0; i < 2; i++)
        sides[i] = (struct side){.runs = &copies[i], .count = 1, .filter = page->filter};
    int status = match_lines(page->report, &sides[0], &sides[1], GROUP_LINE, by, &matches);
    size_t kept = matches.count < CHANGED_ROWS ? matches.count : CHANGED_ROWS;

    if (status == EXIT_FINE) {
        int64_t *out = calloc((kept + 1) * CHANGE, sizeof *out);

        for (size_t i = 0; i < kept; i++)
            put_change(page, out + (i + 1) * CHANGE, &matches.rows[i], by);
        put_rest(out, matches.rows + kept, matches.count - kept, by);
        json_numbers(page->json, measures[by].by, out, (kept + 1) * CHANGE);
        free(out);
    }
    match_free(&matches);
    return status;
}

int page_changes(struct page *page)
{
    int status = EXIT_FINE;

    json_object(page->json, "changes");
    for (int place = 1; measure_at(place) != MEASURES && status == EXIT_FINE; place++)
        status = write_changes(page, measure_at(place));
    json_close(page->json);
    return status;
}
