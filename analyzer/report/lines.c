/* lines.c - one query for all groupings. Finished runs are read from line_total, which is small; sites are
 * read where a stack, an innermost line or a run without names is asked for. */
#define _GNU_SOURCE
#include "lines.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

const char *const measure_names[] = {"bytes", "allocations", "peak", "live", "temporary", NULL};
const char *const group_names[] = {"line", "function", "file", "module", "stack", NULL};

static const char *const order[] = {"bytes", "allocations", "peak_bytes", "live_bytes", "temporary"};

#define SUMS                                                                                            \
    "sum(allocations) AS allocations, sum(bytes) AS bytes, sum(peak_allocations) AS peak_allocations, " \
    "sum(peak_bytes) AS peak_bytes, sum(live_allocations) AS live_allocations, sum(live_bytes) AS "     \
    "live_bytes, "                                                                                      \
    "sum(temporary) AS temporary"
#define MEASURES "allocations, bytes, peak_allocations, peak_bytes, live_allocations, live_bytes, temporary"
#define OF_PROCESS                                                                               \
    "(?2 = 0 OR process = ?2 OR process IN (SELECT id FROM process WHERE run = ?1 AND pid = ?2 " \
    "AND NOT EXISTS (SELECT 1 FROM process WHERE run = ?1 AND id = ?2)))"

/* ---- measures -------------------------------------------------------------------------------- */

int64_t measure_bytes(const struct store_measures *m, int by)
{
    return by == BY_PEAK ? m->peak_bytes : by == BY_LIVE ? m->live_bytes : by == BY_TEMPORARY ? -1 : m->bytes;
}

int64_t measure_count(const struct store_measures *m, int by)
{
    return by == BY_PEAK        ? m->peak_allocations
           : by == BY_LIVE      ? m->live_allocations
           : by == BY_TEMPORARY ? m->temporary
                                : m->allocations;
}

int64_t measure_value(const struct store_measures *m, int by)
{
    return by == BY_ALLOCATIONS || by == BY_TEMPORARY ? measure_count(m, by) : measure_bytes(m, by);
}

void measures_add(struct store_measures *sum, const struct store_measures *m)
{
    sum->allocations += m->allocations;
    sum->bytes += m->bytes;
    sum->peak_allocations += m->peak_allocations;
    sum->peak_bytes += m->peak_bytes;
    sum->live_allocations += m->live_allocations;
    sum->live_bytes += m->live_bytes;
    sum->temporary += m->temporary;
}

void measures_json(struct json *json, const struct store_measures *m)
{
    json_number(json, "allocations", m->allocations);
    json_number(json, "bytes", m->bytes);
    json_number(json, "peak_allocations", m->peak_allocations);
    json_number(json, "peak_bytes", m->peak_bytes);
    json_number(json, "live_allocations", m->live_allocations);
    json_number(json, "live_bytes", m->live_bytes);
    json_number(json, "temporary", m->temporary);
}

static struct store_measures column_measures(sqlite3_stmt *s, int first)
{
    return (struct store_measures){
        .allocations = sqlite3_column_int64(s, first),
        .bytes = sqlite3_column_int64(s, first + 1),
        .peak_allocations = sqlite3_column_int64(s, first + 2),
        .peak_bytes = sqlite3_column_int64(s, first + 3),
        .live_allocations = sqlite3_column_int64(s, first + 4),
        .live_bytes = sqlite3_column_int64(s, first + 5),
        .temporary = sqlite3_column_int64(s, first + 6),
    };
}

/* ---- rows ------------------------------------------------------------------------------------ */

/* Which columns make the group: file, line, function, module, language, stack. */
static const char *const keys[] = {
    [GROUP_LINE] = "file, line, function, module, language, 0 AS stack",
    [GROUP_FUNCTION] = "file, 0 AS line, function, module, language, 0 AS stack",
    [GROUP_FILE] =
        "file, 0 AS line, '' AS function, CASE WHEN file IS NULL THEN module ELSE '' END AS module, "
        "language, 0 AS stack",
    [GROUP_MODULE] = "NULL AS file, 0 AS line, '' AS function, module, language, 0 AS stack",
    [GROUP_STACK] = "file, line, function, module, language, node AS stack",
};

static int from_sites(const struct lines_query *query)
{
    return query->leaf || query->group == GROUP_STACK || !query->run->resolved;
}

/* Sites without a line go by their innermost frame. */
static char *row_query(const struct lines_query *query)
{
    int sites = from_sites(query);
    const char *line = query->leaf ? "leaf" : "line";
    char node[64] = "NULL";

    if (query->group == GROUP_STACK)
        strcpy(node, "node");
    else if (sites)
        sqlite3_snprintf(sizeof node, node, "CASE WHEN %s IS NULL THEN node END", line);
    return sqlite3_mprintf("SELECT %s, " SUMS " FROM ("
                           "  SELECT l.file AS file, coalesce(l.line, 0) AS line, coalesce(l.function, "
                           "n.name, '[unknown]') AS function, "
                           "  coalesce(l.module, n.module, '') AS module, coalesce(l.language, 'native') AS "
                           "language, s.node AS node, " MEASURES
                           "  FROM (SELECT run, %s AS line, %s AS node, " SUMS
                           " FROM %s WHERE run = ?1 AND " OF_PROCESS " GROUP BY 1, 2, 3) AS s"
                           "  LEFT JOIN line AS l ON l.run = s.run AND l.id = s.line"
                           "  LEFT JOIN node AS o ON l.id IS NULL AND o.run = s.run AND o.id = s.node"
                           "  LEFT JOIN frame_names AS n ON n.run = o.run AND n.frame = o.frame)"
                           " WHERE ?3 IS NULL OR language = ?3 GROUP BY 1, 2, 3, 4, 5, 6 ORDER BY %s DESC, "
                           "bytes DESC, 1, 2, 3, 4, 6",
                           keys[query->group], line, node, sites ? "site" : "line_total", order[query->by]);
}

static char *copy(sqlite3_stmt *s, int column)
{
    const char *text = (const char *)sqlite3_column_text(s, column);

    return text != NULL ? strdup(text) : NULL;
}

static int keep(struct lines *lines, sqlite3_stmt *s, const struct store_measures *m)
{
    if ((lines->count & (lines->count - 1)) == 0) {
        struct line_row *more = realloc(lines->rows, (lines->count * 2 + 1) * sizeof *more);

        if (more == NULL)
            return 0;
        lines->rows = more;
    }
    struct line_row *row = &lines->rows[lines->count++];

    *row = (struct line_row){.file = copy(s, 0),
                             .line = sqlite3_column_int64(s, 1),
                             .function = copy(s, 2),
                             .module = copy(s, 3),
                             .language = copy(s, 4),
                             .stack = sqlite3_column_int64(s, 5),
                             .m = *m};
    if (row->function == NULL)
        row->function = strdup("");
    if (row->module == NULL)
        row->module = strdup("");
    if (row->language == NULL)
        row->language = strdup("");
    return row->function != NULL && row->module != NULL && row->language != NULL;
}

int lines_read(const struct report *report, const struct lines_query *query, struct lines *lines)
{
    char *sql = row_query(query);
    sqlite3_stmt *s = sql != NULL ? report_prepare(report, sql) : NULL;
    int status = EXIT_FINE;

    sqlite3_free(sql);
    *lines = (struct lines){0};
    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, query->run->number);
    sqlite3_bind_int64(s, 2, query->process);
    sqlite3_bind_text(s, 3, query->language, -1, SQLITE_STATIC);
    while (report_step(report, s, &status)) {
        struct store_measures m = column_measures(s, 6);

        lines->all++;
        measures_add(&lines->sum, &m);
        if ((query->limit == 0 || lines->count < query->limit) && !keep(lines, s, &m)) {
            status = report_error(report, EXIT_FAILED, "out of memory");
            break;
        }
    }
    sqlite3_finalize(s);
    return status;
}

void lines_free(struct lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        free(lines->rows[i].file);
        free(lines->rows[i].function);
        free(lines->rows[i].module);
        free(lines->rows[i].language);
    }
    free(lines->rows);
    *lines = (struct lines){0};
}

/* ---- stacks below rows ----------------------------------------------------------------------- */

static const char *not_null(const char *text)
{
    return text != NULL ? text : "";
}

static int compare_keys(const void *a, const void *b)
{
    const struct line_row *x = *(const struct line_row *const *)a, *y = *(const struct line_row *const *)b;
    int c = strcmp(not_null(x->file), not_null(y->file));

    if (c == 0)
        c = (x->line > y->line) - (x->line < y->line);
    if (c == 0)
        c = strcmp(x->function, y->function);
    if (c == 0)
        c = strcmp(x->module, y->module);
    return c != 0 ? c : strcmp(x->language, y->language);
}

/* The stack takes its place among the row's largest. */
static void offer(struct line_stack *largest, size_t each, int by, int64_t stack,
                  const struct store_measures *m)
{
    size_t i = each;

    if (measure_value(m, by) <= 0)
        return;
    while (i > 0 &&
           (largest[i - 1].stack == 0 || measure_value(&largest[i - 1].m, by) < measure_value(m, by))) {
        if (i < each)
            largest[i] = largest[i - 1];
        i--;
    }
    if (i < each)
        largest[i] = (struct line_stack){stack, *m};
}

/* Stacks with the key of their row, so that they can be found. */
static char *stack_query(const struct lines_query *query)
{
    const char *line = query->leaf ? "leaf" : "line";

    return sqlite3_mprintf(
        "SELECT %s, node, " SUMS " FROM (SELECT l.file AS file, coalesce(l.line, 0) AS line,"
        " coalesce(l.function, n.name, '[unknown]') AS function, coalesce(l.module, n.module, '') AS"
        " module, coalesce(l.language, 'native') AS language, s.node AS node, " MEASURES
        " FROM site AS s LEFT JOIN line AS l ON l.run = s.run AND l.id = s.%s"
        " LEFT JOIN node AS o ON l.id IS NULL AND o.run = s.run AND o.id = s.node"
        " LEFT JOIN frame_names AS n ON n.run = o.run AND n.frame = o.frame"
        " WHERE s.run = ?1 AND " OF_PROCESS ") WHERE ?3 IS NULL OR language = ?3 GROUP BY node",
        keys[query->group], line);
}

int lines_stacks(const struct report *report, const struct lines_query *query, const struct lines *lines,
                 size_t each, struct line_stack **stacks)
{
    struct line_row **sorted = calloc(lines->count + 1, sizeof *sorted);
    char *sql = stack_query(query);
    sqlite3_stmt *s = sql != NULL ? report_prepare(report, sql) : NULL;
    int status = EXIT_FINE;

    sqlite3_free(sql);
    *stacks = calloc(lines->count * each + 1, sizeof **stacks);
    if (s == NULL || sorted == NULL || *stacks == NULL) {
        sqlite3_finalize(s);
        free(sorted);
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < lines->count; i++)
        sorted[i] = &lines->rows[i];
    qsort(sorted, lines->count, sizeof *sorted, compare_keys);
    sqlite3_bind_int64(s, 1, query->run->number);
    sqlite3_bind_int64(s, 2, query->process);
    sqlite3_bind_text(s, 3, query->language, -1, SQLITE_STATIC);
    while (report_step(report, s, &status)) {
        struct line_row row = {
            .file = (char *)sqlite3_column_text(s, 0),
            .line = sqlite3_column_int64(s, 1),
            .function = (char *)not_null((const char *)sqlite3_column_text(s, 2)),
            .module = (char *)not_null((const char *)sqlite3_column_text(s, 3)),
            .language = (char *)not_null((const char *)sqlite3_column_text(s, 4)),
        };
        struct line_row *key = &row,
                        **found = bsearch(&key, sorted, lines->count, sizeof *sorted, compare_keys);
        struct store_measures m = column_measures(s, 7);

        if (found != NULL)
            offer(*stacks + (size_t)(*found - lines->rows) * each, each, query->by,
                  sqlite3_column_int64(s, 6), &m);
    }
    sqlite3_finalize(s);
    free(sorted);
    return status;
}

int lines_frames(const struct report *report, int64_t run, int64_t stack,
                 void (*frame)(void *context, const char *function, const char *file, int64_t line),
                 void *context)
{
    static const char sql[] = "WITH RECURSIVE up(parent, frame, n) AS ("
                              "  SELECT parent, frame, 0 FROM node WHERE run = ?1 AND id = ?2 UNION ALL"
                              "  SELECT o.parent, o.frame, n + 1 FROM up JOIN node AS o ON o.run = ?1 AND "
                              "o.id = up.parent WHERE n < 20000)"
                              " SELECT coalesce(l.function, (SELECT name FROM frame_names AS f WHERE f.run = "
                              "?1 AND f.frame = up.frame),"
                              " '[unknown]'), l.file, coalesce(l.line, 0), parent FROM up"
                              " LEFT JOIN frame_line AS fl ON fl.run = ?1 AND fl.frame = up.frame"
                              " LEFT JOIN line AS l ON l.run = ?1 AND l.id = fl.line ORDER BY n, fl.depth";
    sqlite3_stmt *s = report_prepare(report, sql);
    int status = EXIT_FINE;
    int64_t parent = 0;

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, run);
    sqlite3_bind_int64(s, 2, stack);
    while (report_step(report, s, &status)) {
        parent = sqlite3_column_int64(s, 3);
        frame(context, not_null((const char *)sqlite3_column_text(s, 0)),
              (const char *)sqlite3_column_text(s, 1), sqlite3_column_int64(s, 2));
    }
    if (parent == -1)
        frame(context, "[cut]", NULL, 0);
    sqlite3_finalize(s);
    return status;
}
