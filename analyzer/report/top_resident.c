/* top_resident.c - see top_resident.h. */
#define _GNU_SOURCE
#include "top_resident.h"
#include "rss_words.h"
#include "show.h"
#include "source.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>

const char *const top_resident_names[] = {"resident", "pinned", NULL};

struct top {
    const struct run *run;
    const struct filter *filter;
    enum resident_order order;
    struct resident moment;
    struct resident_lines lines;
};

/* ---- text ------------------------------------------------------------------------------------ */

static void bytes_cell(const struct report *report, struct table *table, int64_t bytes)
{
    char out[UNITS_SIZE];

    table_cell(table, units_bytes(out, bytes, report->bytes));
}

static void number_cells(const struct report *report, struct table *table, const struct top *top,
                         const struct resident_amounts *m)
{
    int64_t first = resident_amount(m, top->order);
    char out[UNITS_SIZE];

    bytes_cell(report, table, first);
    table_cell(table,
               units_percent(out, (double)first, (double)resident_amount(&top->lines.sum, top->order)));
    bytes_cell(report, table, m->live);
    bytes_cell(report, table, m->rounding);
    bytes_cell(report, table,
               top->order == RESIDENT_BY_PINNED ? resident_amount(m, RESIDENT_BY_ALL) : m->pinned);
    table_cell(table, units_count(out, m->blocks));
}

/* Adds a row for what the limit left out. */
static void rest_row(const struct report *report, struct table *table, const struct top *top)
{
    const struct resident_lines *lines = &top->lines;
    struct resident_amounts rest = lines->sum;
    char text[96], count[UNITS_SIZE];

    if (lines->count == lines->all)
        return;
    for (size_t i = 0; i < lines->count; i++) {
        const struct resident_amounts *m = &lines->rows[i].m;

        rest.live = (int64_t)((uint64_t)rest.live - (uint64_t)m->live);
        rest.rounding = (int64_t)((uint64_t)rest.rounding - (uint64_t)m->rounding);
        rest.pinned = (int64_t)((uint64_t)rest.pinned - (uint64_t)m->pinned);
        rest.blocks = (int64_t)((uint64_t)rest.blocks - (uint64_t)m->blocks);
    }
    table_row(table, "dim");
    number_cells(report, table, top, &rest);
    snprintf(text, sizeof text, "(%s more line%s)", units_count(count, (int64_t)(lines->all - lines->count)),
             lines->all - lines->count == 1 ? "" : "s");
    table_cell(table, text);
}

static void print_table(const struct report *report, const struct top *top)
{
    struct table *table = table_new(report);
    int pinned = top->order == RESIDENT_BY_PINNED;

    table_column(table, pinned ? "PINNED" : "RESIDENT", TABLE_RIGHT);
    table_column(table, "%", TABLE_RIGHT);
    table_column(table, "LIVE", TABLE_RIGHT | TABLE_AMPLE);
    table_column(table, "ROUNDING", TABLE_RIGHT | TABLE_AMPLE);
    table_column(table, pinned ? "RESIDENT" : "PINNED", TABLE_RIGHT | TABLE_AMPLE);
    table_column(table, "BLOCKS", TABLE_RIGHT | TABLE_AMPLE);
    table_column(table, "LINE", TABLE_PATH);
    table_column(table, "FUNCTION", TABLE_NAME);
    for (size_t i = 0; i < top->lines.count; i++) {
        const struct resident_row *row = &top->lines.rows[i];
        char *place = show_place(top->run, row->file, row->line);

        table_row(table, NULL);
        number_cells(report, table, top, &row->m);
        table_cell(table, place != NULL ? place : row->module != NULL ? text_basename(row->module) : "");
        table_cell(table, row->function);
        free(place);
    }
    rest_row(report, table, top);
    table_print(table);
    table_free(table);
}

/* Prints text, which may contain a stranger's words, and frees it. */
static void say(const struct report *report, char *text)
{
    char *harmless = text_harmless(text);

    text_wrap(stdout, harmless, (size_t)report->width, 0);
    free(harmless);
    free(text);
}

static void print_text(const struct report *report, const struct top *top)
{
    const struct resident *r = &top->moment;
    char moment[128], of[UNITS_SIZE], all[UNITS_SIZE];

    run_headline(report, top->run);
    filter_print(report, top->filter, NULL, NULL);
    if (r->moments == 0) {
        say(report, rss_nothing_known(top->run, top->filter->process != NULL));
        return;
    }
    rss_moment(r, moment, sizeof moment);
    say(report, text_make("%s of the %s that were resident %s:",
                          units_bytes(of, resident_amount(&top->lines.sum, top->order), report->bytes),
                          units_bytes(all, r->moment.resident, report->bytes), moment));
    if (top->lines.count == 0)
        printf("Nothing in it matches.\n");
    else
        print_table(report, top);
    for (int i = 0; i < r->missing.count; i++)
        say(report, text_make("Not all could be seen: %s", r->missing.text[i]));
    report_next(report, "rss", "", "all parts, and other moments with --at");
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void amounts_json(struct json *json, const struct resident_amounts *m)
{
    json_number(json, "resident_bytes", resident_amount(m, RESIDENT_BY_ALL));
    json_number(json, "live_bytes", m->live);
    json_number(json, "rounding_bytes", m->rounding);
    json_number(json, "pinned_bytes", m->pinned);
    json_number(json, "blocks", m->blocks);
}

static void missing_json(struct json *json, const struct top *top)
{
    char *nothing =
        top->moment.moments == 0 ? rss_nothing_known(top->run, top->filter->process != NULL) : NULL;

    json_array(json, "missing");
    if (nothing != NULL)
        json_text(json, NULL, nothing);
    for (int i = 0; i < top->moment.missing.count; i++)
        json_text(json, NULL, top->moment.missing.text[i]);
    json_close(json);
    free(nothing);
}

static void print_json(const struct top *top)
{
    struct json json;

    json_begin(&json, stdout, "libtrace.top/1");
    run_json(&json, "run", top->run);
    json_text(&json, "by", top_resident_names[top->order]);
    json_text(&json, "group", "line");
    filter_json(&json, top->filter, NULL);
    rss_moment_json(&json, &top->moment);
    json_number(&json, "rows_in_all", (int64_t)top->lines.all);
    json_object(&json, "total");
    amounts_json(&json, &top->lines.sum);
    json_close(&json);
    json_array(&json, "rows");
    for (size_t i = 0; i < top->lines.count; i++) {
        const struct resident_row *row = &top->lines.rows[i];

        json_object(&json, NULL);
        json_text(&json, "file", row->file);
        json_number(&json, "line", row->line);
        json_text(&json, "function", row->function);
        json_text(&json, "module", row->module);
        amounts_json(&json, &row->m);
        json_close(&json);
    }
    json_close(&json);
    missing_json(&json, top);
    json_end(&json);
}

/* ---- the whole ------------------------------------------------------------------------------- */

int top_resident(struct report *report, const char *which, enum resident_order order, struct filter *filter,
                 size_t limit)
{
    struct run run = {0};
    struct top top = {.run = &run, .filter = filter, .order = order};

    report->fresh_pages = 1;
    int status = report_open(report);

    if (status == EXIT_FINE)
        status = run_find(report, which, &run);
    if (status == EXIT_FINE)
        status = filter_prepare(report, filter, &run, MEASURE_live_bytes);
    if (status == EXIT_FINE)
        status = resident_read(report, &run, filter, NULL, 1, &top.moment);
    if (status == EXIT_FINE && top.moment.moments > 0)
        status = resident_lines_read(report, &run, filter, top.moment.moment.id, order, limit, &top.lines);
    if (status == EXIT_FINE && report->json)
        print_json(&top);
    else if (status == EXIT_FINE)
        print_text(report, &top);
    resident_lines_free(&top.lines);
    resident_free(&top.moment);
    filter_free(filter);
    run_free(&run);
    return status;
}
