/* annotate.c - trace-report annotate: a source file, with what its lines allocate beside them, and findings below. */
#define _GNU_SOURCE
#include "annotated.h"
#include "commands.h"
#include "finding_words.h"
#include "nameless.h"
#include "show.h"
#include "source_file.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_CONTEXT 3
#define MARGIN 6   /* columns before a finding */
#define LEAST 1000 /* lines with less than that part of the file's are not looked for */

static int by = -1, all;
static int64_t context = DEFAULT_CONTEXT;
static struct filter filter;

static const struct option_spec options[] = {
    {"by", OPTION_MEASURE, &by, NULL, "what is counted (default: peak; of a part of a run: bytes)", NULL},
    {"all", OPTION_FLAG, &all, NULL, "the whole file", NULL},
    {"context", OPTION_NUMBER, &context, "N", "lines around those that have some of it (default: 3)", NULL},
    SUPPRESSED_OPTION,
    SOURCE_OPTION,
    FILTER_OPTIONS(filter),
    FILTER_MOMENTS(filter),
    {0},
};

const struct manual manual_annotate = {
    .operands = "FILE [RUN]",
    .about =
        "Shows a source file with what its lines allocate beside them, and what trace-report advise "
        "finds below them.\n"
        "FILE is a name (list.c), the end of a path (src/list.c) or a glob, of one file in which the run "
        "allocates.\n"
        "Where its text cannot be shown, that is said, and the numbers stand alone.",
    .options = options,
    .examples = {{"list.c", "lines that held some of the peak, and those around them"},
                 {"src/parse.py before --all --by allocations", "the whole file, in run 'before'"}},
    .most = 2,
};

/* ---- text ---------------------------------------------------------------------------------------- */

static const char *const why_not[] = {
    [SOURCE_FINE] = NULL,
    [SOURCE_MISSING] = "Its text is not shown: there is no such file here, or it cannot be read.",
    [SOURCE_HIDDEN] = "Its text is not shown: this run was not recorded here, and the file lies elsewhere. "
                      "--source DIR or --source any shows it.",
    [SOURCE_CHANGED] = "Its text is not shown: the file has changed since the run, so that its lines may be "
                       "others now."};

/* "src/list.c: peak 3.25 MiB, 96.7 % of the run's, in 3 lines", the path cut at its beginning. */
static void print_head(const struct report *report, const struct lines_query *query,
                       const struct annotated *a)
{
    char value[UNITS_SIZE], share[UNITS_SIZE] = "", lines[UNITS_SIZE],
                            *path = text_harmless(source_short(query->run, a->file));

    if (!query->run->window.set && !measures[measures[query->by].least].is_least)
        units_percent(share, (double)measure_value(&a->sum, query->by),
                      (double)measure_value(&a->lines.sum, query->by));
    if (report->width > 1)
        path = text_cut(path, (size_t)report->width - 1, 1);
    char *text = text_make("%s: %s %s%s%s%s, in %s line%s", path, measures[query->by].called,
                           units_measure(value, &a->sum, query->by, report->bytes),
                           *share != '\0' ? ", " : "", share, *share != '\0' ? " of the run's" : "",
                           units_count(lines, (int64_t)a->counted), a->counted == 1 ? "" : "s");

    printf("\n%s", report_color(report, "bold"));
    text_wrap(stdout, text, (size_t)report->width, 2);
    fputs(report_color(report, "reset"), stdout);
    free(text);
    if (why_not[a->state] != NULL)
        text_wrap(stdout, why_not[a->state], (size_t)report->width, 0);
    free(path);
}

/* What is found in a line, for table_below(); NULL = nothing. */
static char *findings_below(const struct report *report, const struct annotated *a, int64_t line)
{
    char *text = NULL;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    for (size_t i = 0; i < a->advice.finding_count; i++) {
        const struct finding *f = &a->advice.findings[i];
        char *claim = annotated_is_about(a, f, line) ? finding_claim(report, &a->advice, f) : NULL;

        if (claim == NULL)
            continue;
        fprintf(out, "%s    ^ ", report_color(report, "yellow"));
        text_wrap(out, claim, report->width > MARGIN ? (size_t)report->width - MARGIN : 0, MARGIN);
        fputs(report_color(report, "reset"), out);
        free(claim);
    }
    fclose(out);
    return text;
}

/* text: NULL = it is not known. row: NULL = nothing is known of the line. */
static void add_row(const struct report *report, struct table *table, const struct lines_query *query,
                    const struct annotated *a, int64_t line, const char *text,
                    const struct annotated_line *row)
{
    char number[24] = "-", *below = row != NULL && row->found ? findings_below(report, a, line) : NULL;

    if (line > 0)
        snprintf(number, sizeof number, "%lld", (long long)line);
    table_row(table, NULL);
    if (row != NULL && row->counted)
        show_number_cells(report, table, query, &row->m, &row->v, &a->lines.sum);
    else
        show_no_number_cells(table, query);
    table_cell(table, number);
    table_cell_color(table, "dim");
    table_cell(table, text != NULL || row == NULL ? text : a->state == SOURCE_FINE ? NULL : row->function);
    if (row == NULL)
        table_cell_color(table, "dim");
    if (below != NULL)
        table_below(table, below);
    free(below);
}

/* True if the line is what somebody looks for: it has a part of what is counted, or a finding. */
static bool matters(const struct lines_query *query, const struct annotated *a,
                    const struct annotated_line *row)
{
    int64_t value = measure_value(&row->m, query->by);

    return row->found || (value != 0 && llabs(value) >= llabs(measure_value(&a->sum, query->by)) / LEAST);
}

/* Which lines are shown, from 0 on: those that matter, or else all that have anything, and those around them. */
static unsigned char *choose(const struct lines_query *query, const struct annotated *a)
{
    size_t count = a->source.count;
    unsigned char *shown = calloc(count + 1, 1);
    bool some = false;

    for (size_t i = 0; i < a->count; i++)
        some |= matters(query, a, &a->rows[i]);
    if (all)
        memset(shown, 1, count);
    for (size_t i = 0; i < a->count; i++) {
        const struct annotated_line *row = &a->rows[i];
        int64_t from, to;

        if (row->line < 1 || (size_t)row->line > count || (some && !matters(query, a, row)))
            continue;
        from = row->line - 1 > context ? row->line - 1 - context : 0;
        to = (int64_t)count - row->line > context ? row->line + context : (int64_t)count;
        memset(shown + from, 1, (size_t)(to - from));
    }
    for (size_t at = 1; at + 1 < count; at++) /* a gap takes a line, too */
        shown[at] |= shown[at - 1] == 1 && shown[at + 1] == 1;
    return shown;
}

static void add_gap(struct table *table, const struct lines_query *query)
{
    table_row(table, "dim");
    show_no_number_cells(table, query);
    table_cell(table, "...");
}

/* The rows of lines that the source has, and after them those of lines that it does not have. */
static void add_rows(const struct report *report, struct table *table, const struct lines_query *query,
                     const struct annotated *a, size_t *left_out)
{
    unsigned char *shown = choose(query, a);
    size_t next = 0, last = 0;

    *left_out = 0;
    for (size_t at = 0; at < a->source.count; at++) {
        const struct annotated_line *row = NULL;

        while (next < a->count && a->rows[next].line <= (int64_t)at)
            next++;
        if (next < a->count && a->rows[next].line == (int64_t)at + 1)
            row = &a->rows[next];
        *left_out += !shown[at] && row != NULL;
        if (!shown[at])
            continue;
        if (at > last)
            add_gap(table, query);
        last = at + 1;
        char *text = source_lines_text(&a->source, at);

        add_row(report, table, query, a, (int64_t)at + 1, text, row);
        free(text);
    }
    if (last > 0 && last < a->source.count)
        add_gap(table, query);
    free(shown);
    for (size_t i = 0; i < a->count; i++)
        if (a->rows[i].line < 1 || (size_t)a->rows[i].line > a->source.count)
            add_row(report, table, query, a, a->rows[i].line, NULL, &a->rows[i]);
}

static void print_text(struct report *report, const struct lines_query *query, const struct annotated *a)
{
    char count[UNITS_SIZE];
    struct table *table;
    size_t left_out = 0;

    run_headline(report, query->run);
    filter_print(report, &filter, query->run, &a->lines.sum);
    run_explain_empty(report, query->run);
    if (a->file == NULL) {
        if (query->run->t.m.allocations > 0)
            printf("No line of it has a source file.\n");
        nameless_print(report, query->run, query->by);
        return;
    }
    print_head(report, query, a);
    table = table_new(report);
    show_number_columns(table, query);
    table_column(table, "LINE", TABLE_RIGHT);
    if (a->state == SOURCE_FINE)
        table_column(table, "SOURCE", TABLE_TEXT);
    else
        table_column(table, "FUNCTION", TABLE_NAME);
    add_rows(report, table, query, a, &left_out);
    table_print(table);
    table_free(table);
    if (left_out > 0)
        printf("\n%s line%s with less than 0.1 %% of it %s left out: --all\n",
               units_count(count, (int64_t)left_out), left_out == 1 ? "" : "s", left_out == 1 ? "is" : "are");
    show_words(report);
    report_next(report, "advise", "", "what could be done about it");
}

/* ---- JSON ---------------------------------------------------------------------------------------- */

static void line_json(struct json *json, const struct lines_query *query, const struct annotated *a,
                      int64_t line, const struct annotated_line *row)
{
    static const struct store_measures none;
    static const struct variances exact;
    const struct store_measures *m = row != NULL ? &row->m : &none;
    int64_t whole = measure_value(&a->lines.sum, query->by);
    char *text =
        line > 0 && (size_t)line <= a->source.count ? source_lines_text(&a->source, (size_t)line - 1) : NULL;

    json_object(json, NULL);
    json_number(json, "line", line);
    json_text(json, "source", text);
    json_text(json, "function", row != NULL ? row->function : NULL);
    measures_json(json, query->run, m, row != NULL ? &row->v : &exact);
    json_real(json, "share", whole != 0 ? (double)measure_value(m, query->by) / (double)whole : 0);
    json_array(json, "findings");
    for (size_t i = 0; i < a->advice.finding_count; i++)
        if (row != NULL && row->found && annotated_is_about(a, &a->advice.findings[i], line))
            finding_json(json, &a->advice, &a->advice.findings[i]);
    json_close(json);
    json_close(json);
    free(text);
}

static void print_json(const struct lines_query *query, const struct annotated *a)
{
    static const char *const states[] = {"shown", "missing", "hidden", "changed"};
    struct json json;
    int64_t line = 1, lines = (int64_t)a->source.count;

    json_begin(&json, stdout, "libtrace.annotate/1");
    run_json(&json, "run", query->run);
    json_text(&json, "file", a->file);
    json_text(&json, "source", a->file != NULL ? states[a->state] : NULL);
    json_text(&json, "by", measures[query->by].by);
    filter_json(&json, &filter, query->run);
    json_object(&json, "total");
    measures_json(&json, query->run, &a->sum, &a->sum_v);
    json_close(&json);
    json_array(&json, "rows");
    for (size_t i = 0; i < a->count; i++) {
        for (; all && line < a->rows[i].line && line <= lines; line++)
            line_json(&json, query, a, line, NULL);
        line_json(&json, query, a, a->rows[i].line, &a->rows[i]);
        line = a->rows[i].line + 1;
    }
    for (; all && line <= lines; line++)
        line_json(&json, query, a, line, NULL);
    json_close(&json);
    json_end(&json);
}

int command_annotate(struct report *report, int argc, char **argv)
{
    struct run run = {0};
    struct annotated annotated = {0};
    int operands, status = args_parse(report, &manual_annotate, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    if (operands == 0)
        return report_error(report, EXIT_USAGE,
                            "which file? Name one; trace-report top --group file lists some.");
    if (filter.file != NULL)
        return report_error(report, EXIT_USAGE, "the file is named without --file here.");
    status = report_open(report);
    if (status == EXIT_FINE)
        status = run_find_window(report, operands > 1 ? argv[2] : NULL, &run);
    by = (int)filter_measure(&filter, &run, by, MEASURE_bytes);
    if (status == EXIT_FINE)
        status = filter_prepare(report, &filter, &run, (enum measure)by);
    const struct lines_query query = {.run = &run, .by = (enum measure)by, .filter = &filter};

    if (status == EXIT_FINE)
        status = annotated_read(report, &query, argv[1], !run.window.set, &annotated);
    if (status == EXIT_FINE && report->json)
        print_json(&query, &annotated);
    else if (status == EXIT_FINE)
        print_text(report, &query, &annotated);
    annotated_free(&annotated);
    filter_free(&filter);
    run_free(&run);
    return status;
}
