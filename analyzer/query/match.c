/* match.c - sorting brings equal lines together, so no hash table is needed. */
#define _GNU_SOURCE
#include "match.h"
#include "sampling.h"
#include "text.h"

#include <math.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

static const char *name(const char *text)
{
    return text != NULL ? text : "";
}

/* ---- keys ------------------------------------------------------------------------------------ */

static int by_key(const void *a, const void *b)
{
    const struct match *x = a, *y = b;
    int c = strcmp(name(x->file), name(y->file));

    if (c == 0)
        c = (x->line > y->line) - (x->line < y->line);
    if (c == 0)
        c = strcmp(x->function, y->function);
    if (c == 0)
        c = strcmp(name(x->type), name(y->type));
    if (c == 0 && x->file == NULL)
        c = strcmp(text_basename(x->module), text_basename(y->module));
    return c;
}

/* Rows of one side only come first; then by function, the first side's before the second's, by line. */
static int by_function(const void *a, const void *b)
{
    const struct match *x = a, *y = b;
    int c = (x->in_first && x->in_second) - (y->in_first && y->in_second);

    if (c == 0)
        c = strcmp(text_basename(name(x->file)), text_basename(name(y->file)));
    if (c == 0)
        c = strcmp(x->function, y->function);
    if (c == 0)
        c = strcmp(name(x->type), name(y->type));
    if (c == 0)
        c = x->in_second - y->in_second;
    return c != 0 ? c : (x->line > y->line) - (x->line < y->line);
}

static double change(const struct match *m, enum measure by)
{
    return fabs(measures[by].is_bytes ? m->bytes[1] - m->bytes[0] : m->count[1] - m->count[0]);
}

static int by_change(const void *a, const void *b, void *measure)
{
    const struct match *x = a, *y = b;
    enum measure by = *(const enum measure *)measure;
    double d = change(y, by) - change(x, by),
           counts = fabs(y->count[1] - y->count[0]) - fabs(x->count[1] - x->count[0]);

    if (d != 0)
        return d > 0 ? 1 : -1;
    return counts != 0 ? (counts > 0 ? 1 : -1) : by_key(a, b);
}

int side_is_sampled(const struct side *side)
{
    for (size_t i = 0; i < side->count; i++)
        if (sampling_is_on(&side->runs[i]))
            return 1;
    return 0;
}

static double squared(size_t number)
{
    return (double)number * (double)number;
}

/* ---- both sides into one array --------------------------------------------------------------- */

static int add_side(const struct report *report, const struct side *side, int which, enum group group,
                    enum measure by, struct matches *matches)
{
    for (size_t i = 0; i < side->count; i++) {
        const struct lines_query query = {
            .run = &side->runs[i], .group = group, .by = by, .filter = side->filter};
        const struct lines *lines = side->lines;

        if (lines == NULL) {
            struct lines *fresh = &matches->lines[matches->line_sets++];
            int status = lines_read(report, &query, fresh);

            if (status != EXIT_FINE)
                return status;
            lines = fresh;
        }
        struct match *more = realloc(matches->rows, (matches->count + lines->count + 1) * sizeof *more);

        matches->rows = more;
        for (size_t k = 0; k < lines->count; k++) {
            const struct line_row *row = &lines->rows[k];
            struct match *m = &matches->rows[matches->count++];

            *m = (struct match){.file = row->file,
                                .line = row->line,
                                .line_before = row->line,
                                .function = row->function,
                                .module = row->module,
                                .language = row->language,
                                .type = row->type,
                                .in_first = which == 0,
                                .in_second = which == 1};
            m->bytes[which] =
                !measure_has_bytes(by) ? 0 : (double)measure_bytes(&row->m, by) / (double)side->count;
            m->at_most[which] = !measure_is_exact(&row->m, by);
            m->count[which] = (double)measure_count(&row->m, by) / (double)side->count;
            m->bytes_variance[which] =
                !measure_has_bytes(by) ? 0 : variances_bytes(&row->v, by) / squared(side->count);
            m->count_variance[which] = variances_count(&row->v, by) / squared(side->count);
        }
    }
    return EXIT_FINE;
}

static void fold(struct match *into, const struct match *m)
{
    if (m->in_second && !into->in_second)
        into->module = m->module;
    into->in_first |= m->in_first;
    into->in_second |= m->in_second;
    for (int i = 0; i < 2; i++) {
        into->bytes[i] += m->bytes[i];
        into->count[i] += m->count[i];
        into->bytes_variance[i] += m->bytes_variance[i];
        into->count_variance[i] += m->count_variance[i];
        into->at_most[i] |= m->at_most[i];
    }
}

static void merge_equal(struct matches *matches)
{
    size_t n = 0;

    qsort(matches->rows, matches->count, sizeof *matches->rows, by_key);
    for (size_t i = 0; i < matches->count; i++)
        if (n > 0 && by_key(&matches->rows[n - 1], &matches->rows[i]) == 0)
            fold(&matches->rows[n - 1], &matches->rows[i]);
        else
            matches->rows[n++] = matches->rows[i];
    matches->count = n;
}

/* ---- lines that moved ------------------------------------------------------------------------ */

static char *build_id(const struct report *report, int64_t run, const char *module)
{
    sqlite3_stmt *s = report_prepare(report, "SELECT build_id FROM module WHERE run = ? AND path = ?");
    int status = EXIT_FINE;
    char *id = NULL;

    if (s == NULL)
        return NULL;
    sqlite3_bind_int64(s, 1, run);
    sqlite3_bind_text(s, 2, module, -1, SQLITE_STATIC);
    if (report_step(report, s, &status)) {
        const char *text = (const char *)sqlite3_column_text(s, 0);

        id = strdup(text != NULL ? text : "");
    }
    sqlite3_finalize(s);
    return id;
}

/* True if the two come from different builds of a module, so that lines may have moved. False where that
 * is not known. */
static int other_build(const struct report *report, const struct side *first, const struct side *second,
                       const struct match *a, const struct match *b)
{
    char *x = build_id(first->report != NULL ? first->report : report, first->runs[0].number, a->module);
    char *y = build_id(second->report != NULL ? second->report : report, second->runs[0].number, b->module);
    int other = x != NULL && y != NULL && *x != '\0' && *y != '\0' && strcmp(x, y) != 0;

    /* Python modules have no build ID. A script may be edited at any time, but then its line numbers say
     * nothing. */
    free(x);
    free(y);
    return other;
}

static int same_function(const struct match *a, const struct match *b)
{
    return strcmp(a->function, b->function) == 0 && strcmp(name(a->type), name(b->type)) == 0 &&
           strcmp(text_basename(name(a->file)), text_basename(name(b->file))) == 0;
}

/* Rows [begin, end) are of one function: half of them of the first side, the other half of the second. */
static void pair(struct matches *matches, size_t begin, size_t end)
{
    size_t half = (end - begin) / 2;

    for (size_t i = begin; i < begin + half; i++) {
        struct match *before = &matches->rows[i], *after = &matches->rows[i + half];

        after->line_before = before->line;
        fold(after, before);
        before->in_first = before->in_second = 0; /* it will be removed */
    }
}

static void match_moved(const struct report *report, const struct side *first, const struct side *second,
                        struct matches *matches)
{
    size_t end, n = 0;

    qsort(matches->rows, matches->count, sizeof *matches->rows, by_function);
    for (size_t i = 0; i < matches->count; i = end) {
        const struct match *row = &matches->rows[i];
        size_t ours = 0;

        for (end = i; end < matches->count && same_function(row, &matches->rows[end]) &&
                      !(matches->rows[end].in_first && matches->rows[end].in_second);
             end++)
            ours += (size_t)matches->rows[end].in_first;
        if (end == i)
            break; /* from here on, rows have both sides */
        if (row->file != NULL && ours * 2 == end - i &&
            other_build(report, first, second, row, &matches->rows[i + ours]))
            pair(matches, i, end);
    }
    for (size_t i = 0; i < matches->count; i++)
        if (matches->rows[i].in_first || matches->rows[i].in_second)
            matches->rows[n++] = matches->rows[i];
    matches->count = n;
}

/* ---- the whole ------------------------------------------------------------------------------- */

int match_lines(const struct report *report, const struct side *first, const struct side *second,
                enum group group, enum measure by, struct matches *matches)
{
    *matches = (struct matches){.lines = calloc(first->count + second->count, sizeof *matches->lines)};
    int status = add_side(report, first, 0, group, by, matches);

    if (status == EXIT_FINE)
        status = add_side(report, second, 1, group, by, matches);
    if (status != EXIT_FINE || matches->count == 0)
        return status;
    merge_equal(matches);
    match_moved(report, first, second, matches);
    qsort_r(matches->rows, matches->count, sizeof *matches->rows, by_change, &by);
    while (matches->same < matches->count) {
        const struct match *m = &matches->rows[matches->count - 1 - matches->same];

        if (m->bytes[0] != m->bytes[1] || m->count[0] != m->count[1])
            break;
        matches->same++;
    }
    return EXIT_FINE;
}

void match_free(struct matches *matches)
{
    for (size_t i = 0; i < matches->line_sets; i++)
        lines_free(&matches->lines[i]);
    free(matches->lines);
    free(matches->rows);
    *matches = (struct matches){0};
}
