/* by_line.c - one query for all groupings. Finished runs are read from line_total, which is small; sites
 * are read only where a stack, an innermost line or a thread is asked for, the names are not looked up
 * yet, or the run is sampled: variances are known of sites. */
#define _GNU_SOURCE
#include "by_line.h"
#include "by_stack.h"
#include "by_type.h"
#include "inclusive.h"
#include "sampling.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

const char *const group_names[] = {"line", "function", "file", "module", "stack", "type", NULL};

const char *group_row(enum group group)
{
    return group == GROUP_TYPE ? "row" : group_names[group];
}

void measures_json(struct json *json, const struct run *run, const struct store_measures *m,
                   const struct variances *v)
{
    for (int i = 0; i < MEASURES; i++)
        if (run->window.set && !measure_sampled(i))
            json_null(json, measures[i].name);
        else
            json_number(json, measures[i].name, measure_value(m, i));
    variances_json(json, run, v);
}

struct store_measures lines_column_measures(sqlite3_stmt *s, int first)
{
    struct store_measures m;

    for (int i = 0; i < MEASURES; i++)
        measures_values(&m)[i] = sqlite3_column_int64(s, first + i);
    return m;
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* The columns of a group. */
const char *const lines_keys[] = {
    [GROUP_LINE] = "file, line, function, module, language",
    [GROUP_FUNCTION] = "file, 0 AS line, function, module, language",
    [GROUP_FILE] =
        "file, 0 AS line, '' AS function, CASE WHEN file IS NULL THEN module ELSE '' END AS module, language",
    [GROUP_MODULE] = "NULL AS file, 0 AS line, '' AS function, module, language",
    [GROUP_STACK] = "file, line, function, module, language",
};

/* A site without a line counts for the name of its innermost frame. */
static char *row_query(const struct lines_query *query)
{
    int threads = query->filter != NULL && query->filter->thread != NULL;
    int sites = query->leaf || !query->run->resolved || query->run->window.set || threads ||
                filter_has_stacks(query->filter) || sampling_is_on(query->run);
    const char *line = query->leaf ? "leaf" : filter_sql_charge(query->filter);
    char node[128] = "NULL";

    if (sites)
        sqlite3_snprintf(sizeof node, node, "CASE WHEN %s IS NULL THEN node END", line);
    return sqlite3_mprintf("SELECT %s, {measures: add(#) AS #}%s FROM ("
                           "  SELECT l.file AS file, coalesce(l.line, 0) AS line, " LINES_INNERMOST ", "
                           "  coalesce(l.language, 'native') AS language, {measures: #}%s"
                           "  FROM (SELECT run, %s AS line, %s AS node, {measures: add(#) AS #}%s"
                           " FROM %s WHERE run = ?1 AND %s GROUP BY 1, 2, 3) AS s"
                           "  LEFT JOIN line AS l ON l.run = s.run AND l.id = s.line"
                           ")"
                           " WHERE %s GROUP BY 1, 2, 3, 4, 5 ORDER BY %s "
                           "DESC, bytes DESC, 1, 2, 3, 4",
                           lines_keys[query->group], variances_sql_sum(query->run), variances_sql(query->run),
                           line, node, variances_sql_sum(query->run),
                           sites ? window_sites(query->run) : "line_total", filter_sql_site(query->filter),
                           filter_sql_line(query->filter), measures[query->by].name);
}

static char *copy(sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);

    return text != NULL ? strdup(text) : NULL;
}

void lines_keep(struct lines *lines, sqlite3_stmt *s, int64_t stack, const struct store_measures *m,
                const struct variances *v)
{
    if ((lines->count & (lines->count - 1)) == 0) {
        struct line_row *more = realloc(lines->rows, (lines->count * 2 + 1) * sizeof *more);

        lines->rows = more;
    }
    struct line_row *row = &lines->rows[lines->count++];

    *row = (struct line_row){.file = copy(s, 0),
                             .line = sqlite3_column_int64(s, 1),
                             .function = copy(s, 2),
                             .module = copy(s, 3),
                             .language = copy(s, 4),
                             .stack = stack,
                             .m = *m,
                             .v = *v};
    if (row->function == NULL)
        row->function = strdup("");
    if (row->module == NULL)
        row->module = strdup("");
    if (row->language == NULL)
        row->language = strdup("");
}

int lines_read(const struct report *report, const struct lines_query *query, struct lines *lines)
{
    if (query->group == GROUP_STACK)
        return stacks_read(report, query, lines);
    if (query->group == GROUP_TYPE)
        return types_read(report, query, lines);
    if (query->inclusive)
        return inclusive_read(report, query, lines);
    sqlite3_stmt *s = report_prepare_text(report, row_query(query));
    int status = EXIT_FINE;

    *lines = (struct lines){0};
    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, query->run->number);
    while (report_step(report, s, &status)) {
        struct store_measures m = lines_column_measures(s, 5);
        struct variances v = variances_columns(query->run, s, 5 + MEASURES);

        lines->all++;
        measures_add(&lines->sum, &m);
        variances_add(&lines->sum_v, &v);
        if (query->limit == 0 || lines->count < query->limit)
            lines_keep(lines, s, 0, &m, &v);
    }
    sqlite3_finalize(s);
    return status;
}

int lines_totals(const struct report *report, const struct run *run, const struct filter *filter,
                 struct store_measures *m, struct variances *v)
{
    struct lines_query query = {.run = run, .group = GROUP_MODULE, .filter = filter};
    struct lines lines;

    *m = run->t.m;
    *v = (struct variances){{0}};
    if (!filter_is_set(filter) && !run->window.set && !sampling_is_on(run))
        return EXIT_FINE;
    int status = lines_read(report, &query, &lines);

    if (filter_is_set(filter) || run->window.set)
        *m = lines.sum;
    *v = lines.sum_v;
    lines_free(&lines);
    if (run->window.set) {
        int known = run->window.peak_known && !filter_is_set(filter);

        m->peak_allocations = known ? run->window.peak_allocations : -1;
        m->peak_bytes = known ? run->window.peak_bytes : -1;
    }
    return status;
}

void lines_free(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        free(lines->rows[i].file);
        free(lines->rows[i].function);
        free(lines->rows[i].module);
        free(lines->rows[i].language);
        free(lines->rows[i].type);
    }
    free(lines->rows);
    *lines = (struct lines){0};
}
