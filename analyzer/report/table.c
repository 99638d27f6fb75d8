/* table.c - libsmartcols draws the table. Which columns shrink on a narrow terminal is decided here: it is
 * better to cut a path at its beginning, and better to leave out a column than to cut it to three letters. */
#define _GNU_SOURCE
#include "table.h"
#include "names.h"
#include "text.h"

#include <libsmartcols/libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2    /* columns between two columns of the table */
#define LEAST 10 /* a column is never cut to less */
#define LEAST_PATH 16
#define LEAST_EXTRA 18 /* a TABLE_EXTRA column is left out rather than cut to less */
#define ELLIPSIS "\xe2\x80\xa6"
#define LEAST_TEXT 60 /* a TABLE_TEXT column is rather shown than optional ones */
#define GIVES (TABLE_SHRINK | TABLE_PATH | TABLE_NAME | TABLE_TEXT)

struct column {
    char *name;
    int flags;
    size_t width; /* of its widest cell, header included; later the width that it gets */
    int hidden;
};

struct cell {
    char *text;   /* harmless; NULL = empty */
    char *before; /* text shown before it; NULL = none */
    const char *color;
};

struct line {
    const char *color;
    char *below; /* text printed after the row, NULL = none */
    struct cell *cells;
    size_t used;
};

struct table {
    const struct report *report;
    struct column *columns;
    struct line *lines;
    size_t column_count, line_count, line_room;
};

/* What libsmartcols made: it gives NULL only where memory is missing. */
static void *must(void *memory)
{
    if (memory == NULL)
        report_no_memory();
    return memory;
}

/* And its calls fail only for that. */
static void must_work(int error)
{
    if (error != 0)
        must(NULL);
}

struct table *table_new(const struct report *report)
{
    struct table *table = calloc(1, sizeof *table);

    table->report = report;
    return table;
}

void table_free(struct table *table)
{
    for (size_t i = 0; i < table->line_count; i++) {
        for (size_t j = 0; j < table->column_count; j++) {
            free(table->lines[i].cells[j].text);
            free(table->lines[i].cells[j].before);
        }
        free(table->lines[i].cells);
        free(table->lines[i].below);
    }
    for (size_t j = 0; j < table->column_count; j++)
        free(table->columns[j].name);
    free(table->columns);
    free(table->lines);
    free(table);
}

void table_column(struct table *table, const char *name, int flags)
{
    table->columns = realloc(table->columns, (table->column_count + 1) * sizeof *table->columns);
    struct column *column = &table->columns[table->column_count++];

    *column = (struct column){.name = text_harmless(name), .flags = flags};
}

void table_row(struct table *table, const char *color)
{
    if (table->line_count == table->line_room) {
        table->line_room = table->line_room * 2 + 16;
        table->lines = realloc(table->lines, table->line_room * sizeof *table->lines);
    }
    struct line *line = &table->lines[table->line_count++];

    *line = (struct line){.color = color, .cells = calloc(table->column_count, sizeof *line->cells)};
}

void table_cell(struct table *table, const char *text)
{
    struct line *line = &table->lines[table->line_count - 1];
    struct cell *cell = &line->cells[line->used++];

    if (text == NULL || *text == '\0')
        return;
    cell->text = text_harmless(text);
}

void table_skip(struct table *table, int flags)
{
    struct line *line = &table->lines[table->line_count - 1];

    while (line->used < table->column_count && (table->columns[line->used].flags & flags) != 0)
        line->used++;
}

void table_cell_color(struct table *table, const char *color)
{
    struct line *line = &table->lines[table->line_count - 1];

    line->cells[line->used - 1].color = color;
}

void table_cell_before(struct table *table, const char *before)
{
    struct line *line = &table->lines[table->line_count - 1];

    line->cells[line->used - 1].before = strdup(before);
}

void table_below(struct table *table, const char *lines)
{
    table->lines[table->line_count - 1].below = strdup(lines);
}

/* ---- width ----------------------------------------------------------------------------------- */

/* Hides empty columns. */
static void hide_empty(struct table *table)
{
    for (size_t j = 0; j < table->column_count; j++) {
        struct column *column = &table->columns[j];

        column->hidden = (column->flags & TABLE_EXTRA) != 0;
        for (size_t i = 0; i < table->line_count && column->hidden; i++)
            column->hidden = table->lines[i].cells[j].text == NULL;
    }
}

/* Columns that a cell wants: a name is always shown in its short form. */
static size_t cell_width(const struct column *column, const struct cell *cell)
{
    size_t before = cell->before != NULL ? text_width(cell->before) : 0,
           width = cell->text != NULL ? text_width(cell->text) : 0;

    if (column->flags & TABLE_NAME && width > 0) {
        char *name = names_shorten(cell->text);

        width = text_width(name);
        free(name);
    }
    return before + width;
}

/* Sets each column's width to that of its widest cell. */
static void measure(struct table *table)
{
    for (size_t j = 0; j < table->column_count; j++) {
        struct column *column = &table->columns[j];

        column->width = text_width(column->name);
        for (size_t i = 0; i < table->line_count; i++) {
            size_t width = cell_width(column, &table->lines[i].cells[j]);

            column->width = width > column->width ? width : column->width;
        }
    }
}

static size_t total_width(const struct table *table)
{
    size_t width = 0;

    for (size_t j = 0; j < table->column_count; j++)
        if (!table->columns[j].hidden)
            width += table->columns[j].width + GAP;
    return width > GAP ? width - GAP : 0;
}

static size_t least(const struct column *column)
{
    return column->flags & TABLE_EXTRA ? LEAST_EXTRA : column->flags & TABLE_PATH ? LEAST_PATH : LEAST;
}

/* The width that a name or path must keep before optional numbers are shown. */
static size_t ample(const struct column *column, int roomy)
{
    if (column->flags & TABLE_TEXT)
        return LEAST_TEXT;
    return column->flags & TABLE_PATH ? (roomy ? 30 : LEAST_PATH) : roomy ? 24 : 14;
}

/* Hides optional numbers while names and paths would be cut to where they look alike. */
static void leave_room(struct table *table)
{
    size_t room = (size_t)table->report->width;

    for (size_t k = table->column_count; k-- > 0;) {
        struct column *spare = &table->columns[k];
        size_t total = 0;

        if ((spare->flags & (TABLE_AMPLE | TABLE_ROOMY)) == 0)
            continue;
        for (size_t j = 0; j < table->column_count; j++) {
            const struct column *c = &table->columns[j];
            size_t most = c->flags & GIVES ? ample(c, (spare->flags & TABLE_ROOMY) != 0) : c->width;

            if (!c->hidden && (c->flags & TABLE_EXTRA) == 0)
                total += GAP + (c->width < most ? c->width : most);
        }
        spare->hidden = total > room + GAP;
    }
}

/* ---- paths ----------------------------------------------------------------------------------- */

/* Length of the longest common prefix of a and the first `most` bytes of b that ends with a slash. */
static size_t shared(const char *a, const char *b, size_t most)
{
    size_t folder = 0;

    for (size_t i = 0; i < most && a[i] == b[i] && a[i] != '\0'; i++)
        if (a[i] == '/')
            folder = i + 1;
    return folder;
}

/* If there is not enough room, leaves out the folder that all absolute paths of a column share: it does
 * not tell them apart. */
static void share_paths(struct table *table, size_t j)
{
    const char *first = NULL;
    size_t length = SIZE_MAX;

    for (size_t i = 0; i < table->line_count; i++) {
        const char *path = table->lines[i].cells[j].text;

        if (path == NULL || *path != '/')
            continue;
        length = shared(first != NULL ? first : path, path, first != NULL ? length : strlen(path));
        first = first != NULL ? first : path;
    }
    for (size_t i = 0; first != NULL && length > 1 && i < table->line_count; i++) {
        char **cell = &table->lines[i].cells[j].text;

        if (*cell == NULL || **cell != '/')
            continue;
        char *rest = text_make("%s/%s", ELLIPSIS, *cell + length);

        free(*cell);
        *cell = rest;
    }
}

/* Shrinks the widest shrinkable column, step by step, until everything fits. If an extra column became too
 * small, it is left out, and its room goes to the others. */
static void fit(struct table *table)
{
    size_t room = (size_t)table->report->width;

    for (size_t j = 0; j < table->column_count; j++)
        if ((table->columns[j].flags & GIVES) != 0 && table->columns[j].width > room)
            table->columns[j].width = room;
    struct column *widest = NULL;

    for (size_t total = total_width(table); total > room; total--) {
        widest = NULL;
        for (size_t j = 0; j < table->column_count; j++) {
            struct column *c = &table->columns[j];

            if (!c->hidden && (c->flags & GIVES) != 0 && c->width > least(c) &&
                (widest == NULL || c->width >= widest->width))
                widest = c;
        }
        if (widest == NULL)
            break;
        widest->width--;
    }
    if (widest != NULL || total_width(table) <= room)
        return;
    /* Nothing can shrink any more. Leaving out a column makes room; otherwise let lines wrap rather than
     * show wrong text. */
    struct column *spare = NULL;

    for (size_t j = 0; j < table->column_count; j++) {
        struct column *c = &table->columns[j];
        int flags = TABLE_SPARE | (c->flags & GIVES ? TABLE_EXTRA : 0);

        /* Extra columns go before spare ones. */
        if (!c->hidden && (c->flags & flags) != 0 &&
            (spare == NULL || (spare->flags & TABLE_EXTRA) == 0 || (c->flags & TABLE_EXTRA) != 0))
            spare = c;
    }
    if (spare == NULL)
        return;
    spare->hidden = 1;
    measure(table);
    fit(table);
}

/* ---- printing -------------------------------------------------------------------------------- */

/* The text shown for a cell, malloc'ed. */
static char *cell_text(const struct table *table, const struct column *column, const struct cell *cell)
{
    const char *before = cell->before != NULL ? cell->before : "";
    size_t taken = text_width(before), room = column->width > taken ? column->width - taken : 0;
    char *text = strdup(cell->text != NULL ? cell->text : "");
    int terminal = table->report->width > 0;

    if (column->flags & TABLE_NAME && terminal) {
        char *name = names_cut(text, room);

        free(text);
        text = name;
    } else if (terminal && column->flags & GIVES) {
        text = text_cut(text, room, column->flags & TABLE_PATH && *text != '(' /* not "(5 more lines)" */);
    }
    if (*before == '\0')
        return text;
    char *whole = text_make("%s%s", before, text);

    free(text);
    return terminal ? text_cut(whole, column->width, 0) : whole;
}

static void add_lines(struct table *table, struct libscols_table *out)
{
    const struct report *report = table->report;

    for (size_t i = 0; i < table->line_count; i++) {
        struct line *line = &table->lines[i];
        struct libscols_line *shown = must(scols_table_new_line(out, NULL));
        size_t k = 0;

        if (line->color != NULL && report->color)
            must_work(scols_line_set_color(shown, report_color(report, line->color)));
        for (size_t j = 0; j < table->column_count; j++) {
            struct column *column = &table->columns[j];
            struct cell *cell = &line->cells[j];

            if (column->hidden)
                continue;
            must_work(scols_line_refer_data(shown, k, cell_text(table, column, cell)));
            if (cell->color != NULL && report->color)
                must_work(
                    scols_cell_set_color(scols_line_get_cell(shown, k), report_color(report, cell->color)));
            k++;
        }
    }
}

static void print_trimmed(const char *row)
{
    size_t length = strlen(row);

    while (length > 0 && row[length - 1] == ' ')
        length--;
    printf("%.*s\n", (int)length, row);
}

/* Prints the table line by line, so that text below rows can be inserted. Cells hold no newline, so each
 * row is one line. */
static void print_lines(const struct table *table, char *text)
{
    char *rest = text, *row = strsep(&rest, "\n");

    print_trimmed(row);
    for (size_t i = 0; i < table->line_count && (row = strsep(&rest, "\n")) != NULL; i++) {
        print_trimmed(row);
        if (table->lines[i].below != NULL)
            fputs(table->lines[i].below, stdout);
    }
}

/* libsmartcols does not say that it had no memory for a part of the text, which is missing then. One name can be a part of
 * another: they are looked for one after the other. */
static int is_whole(const struct table *table, const char *text)
{
    const char *at = text != NULL ? text : "", *name = at, *end = at + strcspn(at, "\n");
    size_t lines = 0;

    for (const char *row = at; (row = strchr(row, '\n')) != NULL; row++)
        lines++;
    for (size_t j = 0; j < table->column_count; j++) {
        const struct column *column = &table->columns[j];

        if (column->hidden || column->flags & GIVES)
            continue;
        name = strstr(name, column->name);
        if (name == NULL || name > end)
            return 0;
        name += strlen(column->name);
    }
    return lines >= table->line_count;
}

void table_print(struct table *table)
{
    struct libscols_table *out = must(scols_new_table());
    char *text = NULL;

    hide_empty(table);
    if (table->report->width > 0) {
        measure(table);
        for (size_t j = 0; j < table->column_count && total_width(table) > (size_t)table->report->width; j++)
            if (table->columns[j].flags & TABLE_PATH) {
                share_paths(table, j);
                measure(table);
            }
        leave_room(table);
        fit(table);
    }
    must_work(scols_table_set_column_separator(out, "  "));
    must_work(scols_table_enable_colors(out, table->report->color));
    must_work(scols_table_set_termforce(out, SCOLS_TERMFORCE_NEVER));
    for (size_t j = 0; j < table->column_count; j++) {
        struct column *column = &table->columns[j];

        if (column->hidden)
            continue;
        char *name = strdup(column->name);

        if (table->report->width > 0 && column->flags & GIVES)
            name = text_cut(name, column->width, 0);
        struct libscols_column *shown =
            must(scols_table_new_column(out, name, 0, column->flags & TABLE_RIGHT ? SCOLS_FL_RIGHT : 0));

        free(name);
        if (table->report->color)
            must_work(
                scols_cell_set_color(scols_column_get_header(shown), report_color(table->report, "dim")));
    }
    add_lines(table, out);
    must_work(scols_print_table_to_string(out, &text));
    if (table->line_count > 0 || text != NULL) {
        must(is_whole(table, text) ? text : NULL);
        print_lines(table, text);
    }
    free(text);
    scols_unref_table(out);
}
