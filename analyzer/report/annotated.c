/* annotated.c - see annotated.h. */
#define _GNU_SOURCE
#include "annotated.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define LISTED 20 /* files that match */

struct candidate {
    const char *file;
    int64_t value;
};

struct candidates {
    struct candidate *list;
    size_t count;
    bool any; /* some line has a file */
};

static const char *file_of(const struct annotated *a, const struct finding *finding)
{
    return a->advice.profile.places[finding->place].file;
}

bool annotated_is_about(const struct annotated *a, const struct finding *finding, int64_t line)
{
    const char *file = file_of(a, finding);

    return file != NULL && a->file != NULL && strcmp(file, a->file) == 0 &&
           a->advice.profile.places[finding->place].line == line;
}

/* ---- which file ---------------------------------------------------------------------------------- */

static void offer(struct candidates *c, const char *pattern, const char *file, int64_t value)
{
    size_t i = 0;

    c->any |= file != NULL;
    if (file == NULL || (strcmp(pattern, file) != 0 && !filter_path_matches(pattern, file)))
        return;
    while (i < c->count && strcmp(c->list[i].file, file) != 0)
        i++;
    if (i == c->count) {
        struct candidate *one = profile_grow(&c->list, &c->count, sizeof *one);

        one->file = file;
    }
    c->list[i].value += value;
}

/* Who writes a whole path, as reports show it, means that file, whatever else it matches. */
static const char *exactly(const struct candidates *c, const struct run *run, const char *pattern)
{
    for (size_t i = 0; i < c->count; i++)
        if (strcmp(c->list[i].file, pattern) == 0 || strcmp(source_short(run, c->list[i].file), pattern) == 0)
            return c->list[i].file;
    return NULL;
}

static int by_value(const void *a, const void *b)
{
    const struct candidate *x = a, *y = b;

    return x->value != y->value ? (x->value < y->value) - (x->value > y->value) : strcmp(x->file, y->file);
}

static int list_all(const struct report *report, const struct lines_query *query, const char *pattern,
                    struct candidates *c)
{
    char value[UNITS_SIZE];

    qsort(c->list, c->count, sizeof *c->list, by_value);
    report_error(report, EXIT_USAGE,
                 "%zu files match '%s'; name one of them, with more of its path:", c->count, pattern);
    for (size_t i = 0; i < c->count && i < LISTED; i++) {
        char *file = text_harmless(source_short(query->run, c->list[i].file));

        fprintf(stderr, "  %10s  %s\n",
                measures[query->by].is_bytes ? units_bytes(value, c->list[i].value, report->bytes)
                                             : units_count(value, c->list[i].value),
                file);
        free(file);
    }
    if (c->count > LISTED)
        fprintf(stderr, "  and %zu more\n", c->count - LISTED);
    return EXIT_FAILED;
}

static int find_file(const struct report *report, const struct lines_query *query, const char *pattern,
                     struct annotated *a)
{
    struct candidates c = {0};
    int status = EXIT_FINE;

    for (size_t i = 0; i < a->lines.count; i++)
        offer(&c, pattern, a->lines.rows[i].file, measure_value(&a->lines.rows[i].m, query->by));
    for (size_t i = 0; i < a->advice.finding_count; i++)
        offer(&c, pattern, file_of(a, &a->advice.findings[i]), 0);
    a->file = c.count == 1 ? c.list[0].file : exactly(&c, query->run, pattern);
    if (c.count > 1 && a->file == NULL)
        status = list_all(report, query, pattern, &c);
    else if (c.any && a->file == NULL)
        status = report_error(report, EXIT_FAILED,
                              "no file that matches '%s' allocates anything in run %lld; "
                              "see: trace-report top --group file",
                              pattern, (long long)query->run->number);
    free(c.list);
    return status;
}

/* ---- its lines ----------------------------------------------------------------------------------- */

static int by_line(const void *a, const void *b)
{
    const struct annotated_line *x = a, *y = b;

    return (x->line > y->line) - (x->line < y->line);
}

/* The row of a line, which is made if there is none. */
static struct annotated_line *row_of(struct annotated *a, int64_t line)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->rows[i].line == line)
            return &a->rows[i];
    struct annotated_line *row = profile_grow(&a->rows, &a->count, sizeof *row);

    row->line = line;
    return row;
}

/* Adds up what functions and instances of templates have in the same line. */
static void collect(struct annotated *a)
{
    for (size_t i = 0; i < a->lines.count; i++) {
        const struct line_row *one = &a->lines.rows[i];

        if (one->file == NULL || strcmp(one->file, a->file) != 0)
            continue;
        struct annotated_line *row = row_of(a, one->line);

        if (!row->counted) /* the largest comes first */
            row->function = one->function;
        a->counted += !row->counted;
        row->counted = true;
        measures_add(&row->m, &one->m);
        measures_add(&a->sum, &one->m);
        variances_add(&row->v, &one->v);
        variances_add(&a->sum_v, &one->v);
    }
    for (size_t i = 0; i < a->advice.finding_count; i++) {
        const struct profile_place *place = &a->advice.profile.places[a->advice.findings[i].place];

        if (!annotated_is_about(a, &a->advice.findings[i], place->line))
            continue;
        struct annotated_line *row = row_of(a, place->line);

        if (row->function == NULL)
            row->function = place->function;
        row->found = true;
    }
    if (a->count > 0)
        qsort(a->rows, a->count, sizeof *a->rows, by_line);
}

int annotated_read(struct report *report, const struct lines_query *query, const char *pattern, bool advise,
                   struct annotated *a)
{
    const struct advice_query advice = {.filter = query->filter};
    const char *text;
    size_t size;
    int status = lines_read(report, query, &a->lines);

    if (status == EXIT_FINE && advise)
        status = advice_read(report, query->run, &advice, &a->advice);
    if (status == EXIT_FINE)
        status = find_file(report, query, pattern, a);
    if (status != EXIT_FINE || a->file == NULL)
        return status;
    collect(a);
    a->state = source_whole(query->run, a->file, &text, &size);
    if (a->state == SOURCE_FINE)
        source_lines_split(&a->source, text, size);
    return EXIT_FINE;
}

void annotated_free(struct annotated *a)
{
    advice_free(&a->advice);
    lines_free(&a->lines);
    source_lines_free(&a->source);
    free(a->rows);
    *a = (struct annotated){0};
}
