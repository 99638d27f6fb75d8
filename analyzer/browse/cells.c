/* cells.c - see cells.h. */
#define _GNU_SOURCE
#include "cells.h"
#include "names.h"
#include "screen.h"
#include "source.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define GAP 2
#define LOOKED_AT 1000  /* rows that are measured to find the width of columns */
#define SOURCE_LEAST 24 /* columns below which source text is useless */
#define PLACE_SHARE 0.5 /* of the room, at most, if functions need the rest */

char *cells_place(const struct browse *browse, const struct line_row *row)
{
    if (row->file == NULL)
        return strdup(row->module != NULL ? text_basename(row->module) : "");
    const char *file = source_short(&browse->run, row->file);

    return row->line > 0 ? text_make("%s:%lld", file, (long long)row->line) : strdup(file);
}

char *cells_place_cut(const struct browse *browse, const struct line_row *row, int columns)
{
    char *raw = cells_place(browse, row), *place = text_harmless(raw);

    free(raw);
    return text_cut(place, columns > 0 ? (size_t)columns : 0, 1);
}

char *cells_text(const struct browse *browse, const struct line_row *row)
{
    char *place = cells_place(browse, row), *text = text_make("%s  %s", place, row->function);

    free(place);
    return text;
}

static int wider(int width, const char *text)
{
    char *harmless = text_harmless(text);
    int columns = (int)text_width(harmless);

    free(harmless);
    return columns > width ? columns : width;
}

struct cells cells_fit(const struct browse *browse, const struct line_row *rows, size_t count, int functions,
                       int x)
{
    struct cells cells = {.functions = functions, .x = {x}};
    int room = screen_columns() - x, place = 4, function = 8; /* widths of the headings */

    for (size_t i = 0; i < count && i < LOOKED_AT; i++) {
        char *text = cells_place(browse, &rows[i]), *name = names_shorten(rows[i].function);

        place = wider(place, text);
        function = wider(function, name);
        free(text);
        free(name);
    }
    if (place + GAP + function > room) {
        int most = (int)(room * PLACE_SHARE), rest = room - GAP - function;

        place = rest > most ? rest : place < most ? place : most;
        function = room - GAP - place;
    }
    if (function < 0)
        function = 0;
    cells.width[0] = functions ? function : place;
    cells.width[1] = functions ? place : function;
    cells.x[1] = x + cells.width[0] + GAP;
    cells.x[2] = cells.x[1] + cells.width[1] + GAP;
    cells.width[2] =
        functions || screen_columns() - cells.x[2] < SOURCE_LEAST ? 0 : screen_columns() - cells.x[2];
    return cells;
}

void cells_head(const struct cells *cells, int y)
{
    static const char *const lines[] = {"LINE", "FUNCTION", "SOURCE"}, *const functions[] = {"FUNCTION",
                                                                                             "FILE", ""};

    for (int i = 0; i < 3; i++)
        if (cells->width[i] > 0)
            screen_put(y, cells->x[i], cells->width[i], LOOK_HEAD, (cells->functions ? functions : lines)[i]);
}

static void put_place(const struct browse *browse, const struct line_row *row, int x, int width, int y)
{
    char *place = cells_place_cut(browse, row, width);

    screen_put(y, x, width, LOOK_PLAIN, place);
    free(place);
}

static void put_function(const struct line_row *row, int x, int width, int y)
{
    char *harmless = text_harmless(row->function), *name = names_cut(harmless, (size_t)width);

    screen_put(y, x, width, LOOK_PLAIN, name);
    free(name);
    free(harmless);
}

void cells_row(const struct browse *browse, const struct cells *cells, const struct line_row *row, int y)
{
    int place = cells->functions ? 1 : 0;
    char *source = NULL;

    if (cells->width[place] > 0)
        put_place(browse, row, cells->x[place], cells->width[place], y);
    if (cells->width[1 - place] > 0)
        put_function(row, cells->x[1 - place], cells->width[1 - place], y);
    if (cells->width[2] > 0 && source_line(&browse->run, row->file, row->line, &source) == SOURCE_FINE)
        screen_put(y, cells->x[2], cells->width[2], LOOK_DIM, source);
    free(source);
}
