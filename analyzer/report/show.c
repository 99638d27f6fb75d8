/* show.c - rows of by_line.h as a table, and as JSON. */
#define _GNU_SOURCE
#include "show.h"
#include "names.h"
#include "sampling.h"
#include "source.h"
#include "text.h"
#include "units.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LEAST_NAME 30 /* columns that a long place leaves to the name before it */

#define COLUMNS_MORE (sizeof measures[0].more / sizeof measures[0].more[0])

char *show_place(const struct run *run, const char *file, int64_t line)
{
    if (file == NULL)
        return NULL;
    return line > 0 ? text_make("%s:%lld", source_short(run, file), (long long)line)
                    : strdup(source_short(run, file));
}

/* ---- frames ---------------------------------------------------------------------------------- */

int show_all_frames;

struct frames {
    const struct report *report;
    const struct run *run;
    FILE *out;
    FILE *folded; /* the runtime's own frames of the stack: shown only if it has no others */
    int shown;
};

/* Makes both fit: the name is cut first, then the beginning of the place. */
static void fit_frame(char **name, char **place, size_t room)
{
    size_t taken = *place != NULL ? text_width(*place) + 2 : 0;
    char *cut = names_cut(*name, taken + LEAST_NAME < room ? room - taken : LEAST_NAME);

    free(*name);
    *name = cut;
    taken = text_width(cut) + 2;
    if (*place != NULL)
        *place = text_cut(*place, room > taken ? room - taken : 0, 1);
}

static void print_frame(void *context, const char *function, const char *file, int64_t line, int runtime)
{
    struct frames *f = context;
    FILE *out = runtime && !show_all_frames ? f->folded : f->out;
    char *name = text_harmless(function), *raw = show_place(f->run, file, line),
         *place = raw != NULL ? text_harmless(raw) : NULL;

    if (f->report->width > 12)
        fit_frame(&name, &place, (size_t)f->report->width - 8);
    f->shown |= out == f->out;
    fprintf(out, "        %s%s%s%s%s\n", report_color(f->report, "dim"), name, place != NULL ? "  " : "",
            place != NULL ? place : "", report_color(f->report, "reset"));
    free(name);
    free(raw);
    free(place);
}

static void json_frame(void *context, const char *function, const char *file, int64_t line, int runtime)
{
    struct json *json = context;

    json_object(json, NULL);
    json_text(json, "function", function);
    json_text(json, "file", file);
    json_number(json, "line", line);
    json_true(json, "runtime", runtime);
    json_close(json);
}

/* Prints "12 MiB in 3 blocks from". */
static void print_amount(const struct report *report, FILE *out, enum measure by,
                         const struct store_measures *m)
{
    char text[UNITS_SIZE];
    int64_t count = measure_count(m, by);
    const char *noun = measures[measures[by].is_bytes ? measures[by].beside : by].noun;

    fputs("    ", out);
    if (measures[by].is_bytes)
        fprintf(out, "%s %s ", units_measure(text, m, by, report->bytes),
                measures[by].between != NULL ? measures[by].between : "in");
    else if (measure_has_bytes(by))
        fprintf(out, "%s in ", units_bytes(text, measure_bytes(m, by), report->bytes));
    fprintf(out, "%s %s%s from\n", units_count(text, count), noun, count == 1 ? "" : "s");
}

static int print_stack(struct frames *frames, sqlite3_stmt *prepared, int64_t stack)
{
    char *folded = NULL;
    size_t size;

    frames->folded = open_memstream(&folded, &size);
    frames->shown = 0;
    int status = stacks_frames(frames->report, prepared, frames->run->number, stack, print_frame, frames);

    fclose(frames->folded);
    if (!frames->shown)
        fputs(folded, frames->out);
    free(folded);
    return status;
}

/* Writes the stacks of a row into *text, for table_below(). */
static int print_stacks(const struct report *report, sqlite3_stmt *prepared, const struct lines_query *query,
                        const struct line_stack *stacks, size_t each, int with_totals, char **text)
{
    size_t size;
    struct frames frames = {report, query->run, open_memstream(text, &size), NULL, 0};
    int status = EXIT_FINE;

    for (size_t i = 0; i < each && stacks[i].stack != 0 && status == EXIT_FINE; i++) {
        const struct store_measures *m = &stacks[i].m;

        if (with_totals)
            print_amount(report, frames.out, query->by, m);
        status = print_stack(&frames, prepared, stacks[i].stack);
    }
    fclose(frames.out);
    return status;
}

/* ---- the table ------------------------------------------------------------------------------- */

/* The columns after the measure and its companion. For a part of a run, only measures that are known for
 * parts, and how much more is live at its end. */
struct more {
    enum measure list[COLUMNS_MORE];
    size_t count;
};

static struct more more_columns(const struct lines_query *query)
{
    const enum measure *list = measures[query->by].more;
    struct more more = {0};
    int window = query->run->window.set, live = query->by == MEASURE_live_bytes;

    for (size_t i = 0; i < COLUMNS_MORE && list[i] != 0; i++) {
        if (window && !measure_sampled(list[i]))
            continue;
        more.list[more.count++] = list[i];
        live |= list[i] == MEASURE_live_bytes;
    }
    if (window && !live)
        more.list[more.count++] = MEASURE_live_bytes;
    return more;
}

void show_name_columns(struct table *table, enum group group)
{
    switch (group) {
    case GROUP_LINE:
    case GROUP_STACK:
        table_column(table, "LINE", TABLE_PATH);
        table_column(table, "FUNCTION", TABLE_NAME);
        break;
    case GROUP_FUNCTION:
        table_column(table, "FUNCTION", TABLE_NAME);
        table_column(table, "FILE", TABLE_PATH);
        break;
    case GROUP_FILE:
        table_column(table, "FILE", TABLE_PATH);
        break;
    case GROUP_MODULE:
        table_column(table, "MODULE", TABLE_PATH);
        break;
    case GROUP_TYPE:
        table_column(table, "TYPE", TABLE_SHRINK);
        table_column(table, "LINE", TABLE_PATH);
        break;
    }
}

void show_name_cells(struct table *table, enum group group, const struct show_name *name)
{
    const char *module = *name->module != '\0'     ? name->module
                         : *name->language != '\0' ? name->language
                                                   : "unknown";

    switch (group) {
    case GROUP_LINE:
    case GROUP_STACK:
        table_cell(table, name->place != NULL ? name->place : text_basename(name->module));
        table_cell(table, name->function);
        break;
    case GROUP_FUNCTION:
        table_cell(table, name->function);
        table_cell(table, name->place != NULL ? name->place : name->module);
        break;
    case GROUP_FILE:
        table_cell(table, name->place != NULL ? name->place : module);
        break;
    case GROUP_MODULE:
        table_cell(table, module);
        break;
    case GROUP_TYPE:
        table_cell(table, name->type != NULL ? name->type : "-");
        table_cell(table, name->place != NULL ? name->place : name->function);
        break;
    }
}

static int has_source(enum group group)
{
    return group == GROUP_LINE || group == GROUP_STACK || group == GROUP_TYPE;
}

/* Stacks have a column for their types where one is known. */
static int has_types(const struct lines_query *query, const struct lines *lines)
{
    for (size_t i = 0; query->group == GROUP_STACK && i < lines->count; i++)
        if (lines->rows[i].type != NULL)
            return 1;
    return 0;
}

/* Types have a column for how many looks have seen them, where one was found so. */
static int has_looks(const struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++)
        if (lines->rows[i].looks > 0)
            return 1;
    return 0;
}

void show_number_columns(struct table *table, const struct lines_query *query)
{
    const struct measure_row *by = &measures[query->by];
    const struct more more = more_columns(query);

    table_column(table, by->heading, TABLE_RIGHT);
    if (sampling_is_on(query->run))
        table_column(table, "", TABLE_RIGHT);
    if (!measures[by->least].is_least) /* otherwise the values do not add up to a whole */
        table_column(table, "%", TABLE_RIGHT);
    table_column(table, measures[by->beside].heading, TABLE_RIGHT);
    for (size_t i = 0; i < more.count; i++)
        table_column(table, measures[more.list[i]].heading,
                     TABLE_RIGHT | (i < 2 ? TABLE_AMPLE : TABLE_ROOMY));
}

static void columns(struct table *table, const struct lines_query *query, const struct lines *lines)
{
    show_number_columns(table, query);
    if (has_types(query, lines))
        table_column(table, "TYPE", TABLE_SHRINK | TABLE_SPARE);
    if (has_looks(lines))
        table_column(table, "SEEN", TABLE_RIGHT | TABLE_AMPLE);
    show_name_columns(table, query->group);
    if (has_source(query->group))
        table_column(table, "SOURCE", TABLE_SHRINK | TABLE_EXTRA);
}

static void measure_cell(const struct report *report, struct table *table, const struct store_measures *m,
                         enum measure measure)
{
    char out[UNITS_SIZE];

    table_cell(table, units_measure(out, m, measure, report->bytes));
}

/* How far the measure before it may be off, in a sampled run. */
static void error_cell(const struct report *report, struct table *table, const struct lines_query *query,
                       const struct store_measures *m, const struct variances *v)
{
    char out[UNITS_SIZE];

    if (sampling_is_on(query->run))
        table_cell(table, variances_text(out, m, v, query->by, report->bytes));
}

/* For a part of a run: how much more (or less) is live at its end. Shares of that would be meaningless. */
static void growth_cells(const struct report *report, struct table *table, const struct lines_query *query,
                         const struct store_measures *m, const struct variances *v)
{
    char out[UNITS_SIZE];

    table_cell(table, units_bytes_signed(out, (double)m->live_bytes, report->bytes));
    table_cell_color(table, m->live_bytes > 0 ? "red" : m->live_bytes < 0 ? "green" : NULL);
    error_cell(report, table, query, m, v);
    table_cell(table, NULL);
    table_cell(table, units_count_signed(out, (double)m->live_allocations));
}

void show_number_cells(const struct report *report, struct table *table, const struct lines_query *query,
                       const struct store_measures *m, const struct variances *v,
                       const struct store_measures *whole)
{
    const struct measure_row *by = &measures[query->by];
    const struct more more = more_columns(query);
    char out[UNITS_SIZE];

    if (query->run->window.set && query->by == MEASURE_live_bytes) {
        growth_cells(report, table, query, m, v);
    } else {
        measure_cell(report, table, m, query->by);
        error_cell(report, table, query, m, v);
        if (!measures[by->least].is_least)
            table_cell(table, units_percent(out, (double)measure_value(m, query->by),
                                            (double)measure_value(whole, query->by)));
        measure_cell(report, table, m, by->beside);
    }
    for (size_t i = 0; i < more.count; i++)
        if (query->run->window.set && more.list[i] == MEASURE_live_bytes)
            table_cell(table, units_bytes_signed(out, (double)m->live_bytes, report->bytes));
        else
            measure_cell(report, table, m, more.list[i]);
}

void show_no_number_cells(struct table *table, const struct lines_query *query)
{
    size_t count = 2 + (measures[measures[query->by].least].is_least ? 0 : 1) +
                   (sampling_is_on(query->run) ? 1 : 0) + more_columns(query).count;

    for (size_t i = 0; i < count; i++)
        table_cell(table, NULL);
}

static void looks_cell(struct table *table, const struct line_row *row)
{
    char seen[UNITS_SIZE], looks[UNITS_SIZE], text[2 * UNITS_SIZE + 8] = "";

    if (row->looks > 0)
        snprintf(text, sizeof text, "%s of %s", units_count(seen, row->seen), units_count(looks, row->looks));
    table_cell(table, text);
}

static void source_cell(const struct lines_query *query, struct table *table, const struct line_row *row)
{
    char *text;
    enum source_state state = source_line(query->run, row->file, row->line, &text);

    table_cell(table, state == SOURCE_CHANGED ? "(file changed since the run)" : text);
    table_cell_color(table, "dim");
    free(text);
}

static void name_cells(const struct lines_query *query, struct table *table, const struct line_row *row)
{
    char *place = show_place(query->run, row->file, row->line);

    show_name_cells(table, query->group,
                    &(struct show_name){place, row->function, row->module, row->language, row->type});
    if (has_source(query->group))
        source_cell(query, table, row);
    free(place);
}

/* A row for what the limit left out, so that the table adds up to the run. */
static void rest_row(const struct report *report, const struct lines_query *query, const struct lines *lines,
                     struct table *table)
{
    struct store_measures rest = lines->sum;
    struct variances rest_v = lines->sum_v;
    char text[96], count[UNITS_SIZE];

    if (lines->count == lines->all)
        return;
    snprintf(text, sizeof text, "(%s more %s%s)", units_count(count, (int64_t)(lines->all - lines->count)),
             group_row(query->group), lines->all - lines->count == 1 ? "" : "s");
    table_row(table, "dim");
    if (query->inclusive) { /* rows that contain each other have no rest */
        table_skip(table, TABLE_RIGHT);
        table_cell(table, text);
        return;
    }
    for (size_t i = 0; i < lines->count; i++) {
        measures_subtract(&rest, &lines->rows[i].m);
        variances_take(&rest_v, &lines->rows[i].v);
    }
    show_number_cells(report, table, query, &rest, &rest_v, &lines->sum);
    table_skip(table, TABLE_RIGHT);
    table_cell(table, text);
}

int show_lines(const struct report *report, const struct lines_query *query, const struct lines *lines,
               const struct line_stack *stacks, size_t each)
{
    struct table *table = table_new(report);
    sqlite3_stmt *prepared = stacks_prepare(report);
    int typed = has_types(query, lines), looks = has_looks(lines),
        status = prepared != NULL ? EXIT_FINE : EXIT_FAILED;

    columns(table, query, lines);
    for (size_t i = 0; i < lines->count && status == EXIT_FINE; i++) {
        const struct line_row *row = &lines->rows[i];
        struct line_stack own = {row->stack, 0, row->m, row->v};
        char *below = NULL;

        table_row(table, NULL);
        show_number_cells(report, table, query, &row->m, &row->v, &lines->sum);
        if (typed)
            table_cell(table, row->type != NULL ? row->type : "-");
        if (looks)
            looks_cell(table, row);
        name_cells(query, table, row);
        if (query->group == GROUP_STACK)
            status = print_stacks(report, prepared, query, &own, 1, 0, &below);
        else if (stacks != NULL)
            status = print_stacks(report, prepared, query, stacks + i * each, each, 1, &below);
        if (below != NULL)
            table_below(table, below);
        free(below);
    }
    sqlite3_finalize(prepared);
    rest_row(report, query, lines, table);
    if (status == EXIT_FINE)
        table_print(table);
    source_hint(report);
    table_free(table);
    return status;
}

/* Prints "peak: held when the run held most; live: never freed", as many of these as fit on a line. */
void show_words(const struct report *report)
{
    char line[256] = "";
    size_t length = 0;

    if (!report->terminal)
        return;
    for (int i = 0; i < MEASURES; i++) {
        char word[96];
        int n = measures[i].brief == NULL ? 0
                                          : snprintf(word, sizeof word, "%s%s: %s", length > 0 ? "; " : "",
                                                     measures[i].by, measures[i].brief);

        if (n <= 0 || length + (size_t)n > (size_t)report->width || length + (size_t)n >= sizeof line)
            continue;
        strcpy(line + length, word);
        length += (size_t)n;
    }
    printf("\n%s%s%s\n", report_color(report, "dim"), line, report_color(report, "reset"));
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static int json_stack(const struct report *report, sqlite3_stmt *prepared, struct json *json, int64_t run,
                      int64_t stack)
{
    json_array(json, "frames");
    int status = stacks_frames(report, prepared, run, stack, json_frame, json);

    json_close(json);
    return status;
}

static int json_stacks(const struct report *report, sqlite3_stmt *prepared, struct json *json,
                       const struct lines_query *query, const struct line_stack *stacks, size_t each)
{
    int status = EXIT_FINE;

    json_array(json, "stacks");
    for (size_t i = 0; i < each && stacks[i].stack != 0 && status == EXIT_FINE; i++) {
        json_object(json, NULL);
        json_number(json, "stack", stacks[i].stack);
        measures_json(json, query->run, &stacks[i].m, &stacks[i].v);
        status = json_stack(report, prepared, json, query->run->number, stacks[i].stack);
        json_close(json);
    }
    json_close(json);
    return status;
}

static void json_source(struct json *json, const struct run *run, const struct line_row *row)
{
    char *text;
    enum source_state state = source_line(run, row->file, row->line, &text);

    json_text(json, "source", text);
    json_true(json, "source_changed", state == SOURCE_CHANGED);
    free(text);
}

static const char *const hows[STORE_TYPE_HOWS] = {"inferred", "sampled", "exact"};

static void json_looks(struct json *json, const struct line_row *row)
{
    if (row->looks > 0) {
        json_number(json, "seen", row->seen);
        json_number(json, "looks", row->looks);
    } else {
        json_null(json, "seen");
        json_null(json, "looks");
    }
}

int show_lines_json(const struct report *report, struct json *json, const struct lines_query *query,
                    const struct lines *lines, const struct line_stack *stacks, size_t each)
{
    sqlite3_stmt *prepared = stacks_prepare(report);
    int status = prepared != NULL ? EXIT_FINE : EXIT_FAILED;

    for (size_t i = 0; i < lines->count && status == EXIT_FINE; i++) {
        const struct line_row *row = &lines->rows[i];
        int line = has_source(query->group);

        json_object(json, NULL);
        if (query->group == GROUP_TYPE || query->group == GROUP_STACK) {
            json_text(json, "type", row->type);
            json_text(json, "how", row->type != NULL ? hows[row->how] : NULL);
        }
        if (query->group == GROUP_TYPE)
            json_looks(json, row);
        if (query->group != GROUP_MODULE)
            json_text(json, "file", row->file);
        if (line)
            json_number(json, "line", row->line);
        if (line || query->group == GROUP_FUNCTION)
            json_text(json, "function", row->function);
        if (query->group != GROUP_FILE || row->file == NULL)
            json_text(json, "module", row->module);
        json_text(json, "language", row->language);
        measures_json(json, query->run, &row->m, &row->v);
        variances_json_few(json, query->run, &row->m, &row->v, query->by);
        json_real(json, "share",
                  measure_value(&lines->sum, query->by) != 0
                      ? (double)measure_value(&row->m, query->by) /
                            (double)measure_value(&lines->sum, query->by)
                      : 0);
        if (line)
            json_source(json, query->run, row);
        if (query->group == GROUP_STACK) {
            json_number(json, "stack", row->stack);
            status = json_stack(report, prepared, json, query->run->number, row->stack);
        } else if (stacks != NULL) {
            status = json_stacks(report, prepared, json, query, stacks + i * each, each);
        }
        json_close(json);
    }
    sqlite3_finalize(prepared);
    return status;
}
