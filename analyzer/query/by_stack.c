/* by_stack.c - a run may have hundreds of thousands of stacks, of which few are shown: they are handled by
 * number, and texts are read only for those that are shown. */
#define _GNU_SOURCE
#include "by_stack.h"
#include "by_type.h"
#include "fold.h"
#include "sampling.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

/* ---- walking --------------------------------------------------------------------------------- */

typedef void visit_fn(void *context, const struct line_stack *stack);

/* Calls visit for each stack, with its processes and threads added up. Sites are stored by node, so
 * nothing needs sorting. */
static int walk(const struct report *report, const struct lines_query *query, visit_fn *visit, void *context)
{
    char *sql = sqlite3_mprintf(
        "SELECT node, %s, {measures: #}%s FROM %s WHERE run = ?1 AND %s ORDER BY node, process",
        query->leaf ? "leaf" : filter_sql_charge(query->filter), variances_sql(query->run),
        window_sites(query->run), filter_sql_site(query->filter));
    sqlite3_stmt *s = report_prepare_text(report, sql);
    struct line_stack now = {0};
    int status = EXIT_FINE, sampled = sampling_is_on(query->run);

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, query->run->number);
    while (report_step(report, s, &status)) {
        int64_t stack = sqlite3_column_int64(s, 0);
        struct store_measures m = lines_column_measures(s, 2);

        if (now.stack != 0 && now.stack != stack) {
            visit(context, &now);
            now = (struct line_stack){0};
        }
        now.stack = stack;
        now.line = sqlite3_column_type(s, 1) != SQLITE_NULL ? sqlite3_column_int64(s, 1) : LINE_UNKNOWN;
        measures_add(&now.m, &m);
        if (sampled) {
            struct variances v = variances_columns(query->run, s, 2 + MEASURES);

            variances_add(&now.v, &v);
        }
    }
    if (now.stack != 0)
        visit(context, &now);
    sqlite3_finalize(s);
    return status;
}

/* ---- numbers of lines ------------------------------------------------------------------------ */

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

/* The number of a line in the run, and the row that it belongs to. */
struct place {
    int64_t line;
    size_t row;
};

struct places {
    struct place *place; /* by line */
    size_t count;
};

static int compare_places(const void *a, const void *b)
{
    const struct place *x = a, *y = b;

    return (x->line > y->line) - (x->line < y->line);
}

static void add_place(struct places *places, int64_t line, size_t row)
{
    size_t n = places->count;

    if ((n & (n - 1)) == 0) {
        struct place *more = realloc(places->place, (n * 2 + 1) * sizeof *more);

        places->place = more;
    }
    places->place[places->count++] = (struct place){line, row};
}

static size_t find_row(const struct lines *lines, struct line_row **sorted, const struct line_row *key)
{
    struct line_row **found = bsearch(&key, sorted, lines->count, sizeof *sorted, compare_keys);

    return found != NULL ? (size_t)(*found - lines->rows) : lines->count;
}

/* The texts of the statement's first five columns, in the order of lines_keys; valid until its next step. */
static struct line_row row_of(sqlite3_stmt *s)
{
    return (struct line_row){
        .file = (char *)sqlite3_column_text(s, 0),
        .line = sqlite3_column_int64(s, 1),
        .function = (char *)not_null((const char *)sqlite3_column_text(s, 2)),
        .module = (char *)not_null((const char *)sqlite3_column_text(s, 3)),
        .language = (char *)not_null((const char *)sqlite3_column_text(s, 4)),
    };
}

/* Reads which of the run's lines belong to which row, in ascending order of lines. */
static int read_places(const struct report *report, const struct lines_query *query,
                       const struct lines *lines, struct line_row **sorted, struct places *places)
{
    char *sql = sqlite3_mprintf("SELECT %s, id FROM line WHERE run = ?1 AND %s ORDER BY id",
                                lines_keys[query->group], filter_sql_line(query->filter));
    sqlite3_stmt *s = report_prepare_text(report, sql);
    int status = EXIT_FINE;

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, query->run->number);
    while (report_step(report, s, &status)) {
        struct line_row key = row_of(s);
        size_t row = find_row(lines, sorted, &key);

        if (row == lines->count)
            continue;
        add_place(places, sqlite3_column_int64(s, 5), row);
    }
    sqlite3_finalize(s);
    return status;
}

static const struct place *find_place(const struct places *places, int64_t line)
{
    struct place key = {line, 0};

    return places->count > 0 ? bsearch(&key, places->place, places->count, sizeof key, compare_places) : NULL;
}

/* ---- rows that are stacks -------------------------------------------------------------------- */

struct collection {
    const struct lines_query *query;
    struct places passing; /* lines that pass the filter */
    sqlite3_stmt *unnamed; /* whether a stack without a line passes, by its innermost frame */
    struct line_stack *stacks;
    size_t count;
    struct store_measures sum;
    struct variances sum_v;
};

static int by_size(const void *a, const void *b, void *measure)
{
    const struct line_stack *x = a, *y = b;
    int c = measures_compare(&x->m, &y->m, *(const enum measure *)measure);

    return c != 0 ? c : (x->stack > y->stack) - (x->stack < y->stack);
}

static int unnamed_passes(struct collection *c, int64_t stack)
{
    sqlite3_bind_int64(c->unnamed, 1, c->query->run->number);
    sqlite3_bind_int64(c->unnamed, 2, stack);
    int passes = sqlite3_step(c->unnamed) == SQLITE_ROW && sqlite3_column_int(c->unnamed, 0);

    sqlite3_reset(c->unnamed);
    return passes;
}

static void collect(void *context, const struct line_stack *stack)
{
    struct collection *c = context;

    if (c->unnamed != NULL && !(stack->line == LINE_UNKNOWN ? unnamed_passes(c, stack->stack)
                                                            : find_place(&c->passing, stack->line) != NULL))
        return;
    if (c->query->wanted != NULL && !c->query->wanted(c->query->context, stack->stack, &stack->m))
        return;
    if ((c->count & (c->count - 1)) == 0) {
        struct line_stack *more = realloc(c->stacks, (c->count * 2 + 1) * sizeof *more);

        c->stacks = more;
    }
    c->stacks[c->count++] = *stack;
    measures_add(&c->sum, &stack->m);
    if (sampling_is_on(c->query->run))
        variances_add(&c->sum_v, &stack->v);
}

/* Decides line by line what passes, before the stacks are walked. */
static int read_passing(const struct report *report, struct collection *c)
{
    char *lines = sqlite3_mprintf("SELECT id FROM line WHERE run = ?1 AND %s ORDER BY id",
                                  filter_sql_line(c->query->filter));
    char *unnamed =
        sqlite3_mprintf("SELECT %s FROM (SELECT NULL AS file, name AS function, module, 'native' AS "
                        "language FROM node AS o JOIN frame_names AS n ON n.run = o.run AND "
                        "n.frame = o.frame WHERE o.run = ?1 AND o.id = ?2)",
                        filter_sql_line(c->query->filter));
    sqlite3_stmt *s = report_prepare_text(report, lines);
    int status = s != NULL ? EXIT_FINE : EXIT_FAILED;

    if (status == EXIT_FINE)
        sqlite3_bind_int64(s, 1, c->query->run->number);
    while (status == EXIT_FINE && report_step(report, s, &status))
        add_place(&c->passing, sqlite3_column_int64(s, 0), 0);
    sqlite3_finalize(s);
    if (status == EXIT_FINE && (c->unnamed = report_prepare(report, unnamed)) == NULL)
        status = EXIT_FAILED;
    sqlite3_free(unnamed);
    return status;
}

/* Reads the texts of the stacks that are shown. */
static int name_rows(const struct report *report, const struct lines_query *query, const struct collection *c,
                     struct lines *lines)
{
    static const char sql[] =
        "SELECT l.file, coalesce(l.line, 0), " LINES_INNERMOST
        ", coalesce(l.language, 'native') FROM (SELECT ?1 AS run, ?2 AS node, ?3 AS line) AS s"
        " LEFT JOIN line AS l ON l.run = s.run AND l.id = s.line";
    sqlite3_stmt *s = report_prepare(report, sql);
    int status = s != NULL ? EXIT_FINE : EXIT_FAILED;

    for (size_t i = 0; i < c->count && (query->limit == 0 || i < query->limit) && status == EXIT_FINE; i++) {
        sqlite3_bind_int64(s, 1, query->run->number);
        sqlite3_bind_int64(s, 2, c->stacks[i].stack);
        if (c->stacks[i].line != LINE_UNKNOWN)
            sqlite3_bind_int64(s, 3, c->stacks[i].line);
        else
            sqlite3_bind_null(s, 3);
        if (report_step(report, s, &status))
            lines_keep(lines, s, c->stacks[i].stack, &c->stacks[i].m, &c->stacks[i].v);
        sqlite3_reset(s);
    }
    sqlite3_finalize(s);
    return status;
}

int stacks_read(const struct report *report, const struct lines_query *query, struct lines *lines)
{
    struct collection c = {.query = query};
    enum measure by = query->by;
    int status = filter_has_names(query->filter) ? read_passing(report, &c) : EXIT_FINE;

    *lines = (struct lines){0};
    if (status == EXIT_FINE)
        status = walk(report, query, collect, &c);
    if (c.count > 0)
        qsort_r(c.stacks, c.count, sizeof *c.stacks, by_size, &by);
    if (status == EXIT_FINE)
        status = name_rows(report, query, &c, lines);
    if (status == EXIT_FINE)
        status = types_of_stacks(report, query->run, lines);
    lines->all = c.count;
    lines->sum = c.sum;
    lines->sum_v = c.sum_v;
    sqlite3_finalize(c.unnamed);
    free(c.passing.place);
    free(c.stacks);
    return status;
}

/* ---- stacks below rows ----------------------------------------------------------------------- */

struct below {
    const struct report *report;
    const struct lines_query *query;
    const struct lines *lines;
    struct line_row **sorted; /* rows in the order of their keys */
    struct places places;     /* rows by number of line */
    sqlite3_stmt *names;      /* for stacks without a line */
    size_t each;
    struct line_stack *stacks;
    int status;
};

/* Inserts the stack among the row's largest, if it is one of them. */
static void offer(struct line_stack *largest, size_t each, enum measure by, const struct line_stack *stack)
{
    size_t i = each;

    if (measure_value(&stack->m, by) <= 0)
        return;
    while (i > 0 && (largest[i - 1].stack == 0 ||
                     measure_value(&largest[i - 1].m, by) < measure_value(&stack->m, by))) {
        if (i < each)
            largest[i] = largest[i - 1];
        i--;
    }
    if (i < each)
        largest[i] = *stack;
}

/* A stack without a line counts for the name of its innermost frame, as in the rows. */
static size_t find_unnamed(struct below *below, int64_t stack)
{
    size_t row = below->lines->count;

    sqlite3_bind_int64(below->names, 1, below->query->run->number);
    sqlite3_bind_int64(below->names, 2, stack);
    if (report_step(below->report, below->names, &below->status)) {
        struct line_row key = row_of(below->names);

        row = find_row(below->lines, below->sorted, &key);
    }
    sqlite3_reset(below->names);
    return row;
}

static void put_below(void *context, const struct line_stack *stack)
{
    struct below *below = context;
    size_t row = below->lines->count;

    if (stack->line == LINE_UNKNOWN) {
        row = find_unnamed(below, stack->stack);
    } else {
        const struct place *place = find_place(&below->places, stack->line);

        row = place != NULL ? place->row : row;
    }
    if (row < below->lines->count)
        offer(below->stacks + row * below->each, below->each, below->query->by, stack);
}

int stacks_below(const struct report *report, const struct lines_query *query, const struct lines *lines,
                 size_t each, struct line_stack **stacks)
{
    struct below below = {.report = report, .query = query, .lines = lines, .each = each};

    below.sorted = calloc(lines->count + 1, sizeof *below.sorted);
    below.stacks = *stacks = calloc(lines->count * each + 1, sizeof **stacks);
    below.names =
        report_prepare(report, "SELECT NULL, 0, name, module, 'native' FROM node AS o JOIN frame_names AS n "
                               "ON n.run = o.run AND n.frame = o.frame WHERE o.run = ?1 AND o.id = ?2");
    if (below.names == NULL) {
        free(below.sorted);
        return EXIT_FAILED;
    }
    for (size_t i = 0; i < lines->count; i++)
        below.sorted[i] = &lines->rows[i];
    qsort(below.sorted, lines->count, sizeof *below.sorted, compare_keys);
    int status = read_places(report, query, lines, below.sorted, &below.places);

    if (status == EXIT_FINE)
        status = walk(report, query, put_below, &below);
    sqlite3_finalize(below.names);
    free(below.places.place);
    free(below.sorted);
    return status == EXIT_FINE ? below.status : status;
}

/* ---- frames ---------------------------------------------------------------------------------- */

sqlite3_stmt *stacks_prepare(const struct report *report)
{
    static const char sql[] =
        "WITH RECURSIVE up(parent, frame, n) AS ("
        "  SELECT parent, frame, 0 FROM node WHERE run = ?1 AND id = ?2 UNION ALL"
        "  SELECT o.parent, o.frame, n + 1 FROM up JOIN node AS o ON o.run = ?1 AND "
        "o.id = up.parent WHERE n < 20000)"
        " SELECT coalesce(l.function, (SELECT name FROM frame_names AS f WHERE f.run = "
        "?1 AND f.frame = up.frame),"
        " '[unknown]'), l.file, coalesce(l.line, 0), parent, coalesce(l.machinery, 0) FROM up"
        " LEFT JOIN frame_line AS fl ON fl.run = ?1 AND fl.frame = up.frame"
        " LEFT JOIN line AS l ON l.run = ?1 AND l.id = fl.line ORDER BY n, fl.depth";

    return report_prepare(report, sql);
}

int stacks_frames(const struct report *report, sqlite3_stmt *s, int64_t run, int64_t stack,
                  void (*frame)(void *context, const char *function, const char *file, int64_t line,
                                int runtime),
                  void *context)
{
    int status = EXIT_FINE;
    int64_t parent = 0;

    sqlite3_bind_int64(s, 1, run);
    sqlite3_bind_int64(s, 2, stack);
    while (report_step(report, s, &status)) {
        parent = sqlite3_column_int64(s, 3);
        const char *function = not_null((const char *)sqlite3_column_text(s, 0)),
                   *file = (const char *)sqlite3_column_text(s, 1);

        frame(context, function, file, sqlite3_column_int64(s, 2),
              fold_is_runtime(function, file, sqlite3_column_int(s, 4)));
    }
    if (parent == -1)
        frame(context, "[cut]", NULL, 0, 0);
    sqlite3_reset(s);
    return status;
}
