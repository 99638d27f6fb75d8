/* temporary.c - trace-report temporary: the lines whose blocks are freed by the next event of the same
 * thread. */
#include "commands.h"
#include "show.h"
#include "source_file.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_LIMIT 20

static int64_t limit = DEFAULT_LIMIT;
static struct filter filter;

static const struct option_spec options[] = {
    {"limit", OPTION_NUMBER, &limit, "N", "lines to show (default: 20; 0: all)", NULL},
    SOURCE_OPTION,
    FILTER_OPTIONS(filter),
    FILTER_MOMENTS(filter),
    {0},
};

const struct manual manual_temporary = {
    .operands = "[RUN]",
    .about =
        "Shows the lines that make temporary allocations: blocks that are freed by the same thread's next\n"
        "allocation event. OF LINE is their share in all that the line allocates: near 100 % it could often "
        "do\n"
        "with one buffer, or none.",
    .options = options,
    .examples = {{"", "the latest run"},
                 {"list --module list --limit 5", "five lines of the program itself"}},
    .most = 1,
};

static int has_temporary(const struct line_row *row)
{
    return row->m.temporary != 0;
}

static void print_rows(const struct report *report, const struct run *run, const struct lines *lines)
{
    struct table *table = table_new(report);
    char out[UNITS_SIZE];

    table_column(table, "TEMPORARY", TABLE_RIGHT);
    table_column(table, "%", TABLE_RIGHT);
    table_column(table, "OF LINE", TABLE_RIGHT);
    table_column(table, "ALLOCATIONS", TABLE_RIGHT | TABLE_AMPLE);
    table_column(table, "LINE", TABLE_PATH);
    table_column(table, "FUNCTION", TABLE_NAME);
    for (size_t i = 0; i < lines->count && has_temporary(&lines->rows[i]); i++) {
        const struct line_row *row = &lines->rows[i];
        double share = row->m.allocations != 0 ? (double)row->m.temporary / (double)row->m.allocations : 0;
        char *place = show_place(run, row->file, row->line);

        table_row(table, NULL);
        table_cell(table, units_count(out, row->m.temporary));
        table_cell(table, units_percent(out, (double)row->m.temporary, (double)lines->sum.temporary));
        table_cell(table, units_percent(out, (double)row->m.temporary, (double)row->m.allocations));
        table_cell_color(table, share >= 0.9 ? "red" : share >= 0.5 ? "yellow" : NULL);
        table_cell(table, units_count(out, row->m.allocations));
        table_cell(table, place != NULL ? place : text_basename(row->module));
        table_cell(table, row->function);
        free(place);
    }
    table_print(table);
    table_free(table);
}

static int print_text(const struct report *report, const struct run *run, const struct lines *lines)
{
    char a[UNITS_SIZE], b[UNITS_SIZE], c[UNITS_SIZE];

    run_headline(report, run);
    filter_print(report, &filter, run, &lines->sum);
    run_explain_empty(report, run);
    if (lines->sum.temporary == 0 && run->t.m.allocations > 0)
        printf("No allocation is temporary%s.\n", filter_is_set(&filter) ? " in what matches" : "");
    if (lines->sum.temporary != 0) {
        printf("%s of %s allocations are temporary, %s\n\n", units_count(a, lines->sum.temporary),
               units_count(b, lines->sum.allocations),
               units_percent(c, (double)lines->sum.temporary, (double)lines->sum.allocations));
        print_rows(report, run, lines);
    }
    report_next(report, "top", "--by temporary --stacks 1", "who called these lines");
    return EXIT_FINE;
}

static int print_json(const struct report *report, const struct lines_query *query, struct lines *lines)
{
    struct json json;
    size_t n = 0;

    while (n < lines->count && has_temporary(&lines->rows[n]))
        n++;
    struct lines shown = *lines;

    shown.count = n;
    json_begin(&json, stdout, "libtrace.temporary/1");
    run_json(&json, "run", query->run);
    filter_json(&json, &filter, query->run);
    json_object(&json, "total");
    measures_json(&json, query->run, &lines->sum, &lines->sum_v);
    json_close(&json);
    json_array(&json, "rows");
    int status = show_lines_json(report, &json, query, &shown, NULL, 0);

    json_close(&json);
    json_end(&json);
    return status;
}

int command_temporary(struct report *report, int argc, char **argv)
{
    struct run run = {0};
    struct lines lines = {0};
    int operands, status = args_parse(report, &manual_temporary, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    struct lines_query query = {
        .run = &run, .by = MEASURE_temporary, .filter = &filter, .limit = (size_t)limit};

    status = report_open(report);
    if (status == EXIT_FINE)
        status = run_find_window(report, operands > 0 ? argv[1] : NULL, &run);
    if (status == EXIT_FINE)
        status = filter_prepare(report, &filter, &run, MEASURE_temporary);
    if (status == EXIT_FINE)
        status = lines_read(report, &query, &lines);
    if (status == EXIT_FINE)
        status = report->json ? print_json(report, &query, &lines) : print_text(report, &run, &lines);
    lines_free(&lines);
    filter_free(&filter);
    run_free(&run);
    return status;
}
