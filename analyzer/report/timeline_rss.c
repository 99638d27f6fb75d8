/* timeline_rss.c - see timeline_rss.h. */
#include "timeline_rss.h"
#include "table.h"
#include "units.h"

#include <stdio.h>

#define ROWS 12 /* of the table */

/* The name of a moment of this kind, as its time says little. */
static const char *kind_of(const struct resident_moment *m)
{
    static const char *const names[STORE_PAGES_KINDS] = {[STORE_PAGES_ASKED] = "",
                                                         [STORE_PAGES_MARK] = "mark",
                                                         [STORE_PAGES_HIGH] = "high",
                                                         [STORE_PAGES_END] = "end"};

    return names[m->kind];
}

static void print_row(const struct report *report, struct table *table, const struct resident_times *times,
                      size_t i, const int shown[PAGES_PARTS])
{
    const struct resident_moment *m = &times->moments.list[i];
    char out[UNITS_SIZE];

    table_row(table, NULL);
    table_cell(table, units_seconds(out, (double)m->t_ns / 1e9));
    table_cell(table, units_bytes(out, m->resident, report->bytes));
    for (int part = 0; part < PAGES_PARTS; part++)
        if (shown[part])
            table_cell(table, units_bytes(out, times->parts[i][part], report->bytes));
    table_cell(table, kind_of(m));
}

void timeline_rss_print(const struct report *report, const struct resident_times *times)
{
    static const char *const headings[PAGES_PARTS] = {"LIVE",   "ROUNDING", "PINNED", "FREE", "MAPPED",
                                                      "STACKS", "FILES",    "TRACER", "OTHER"};
    size_t count = times->moments.count, rows = count < ROWS ? count : ROWS;
    int shown[PAGES_PARTS] = {0};

    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        for (int part = 0; part < PAGES_PARTS; part++)
            shown[part] |= times->parts[i][part] != 0;
    struct table *table = table_new(report);

    table_column(table, "TIME", TABLE_RIGHT);
    table_column(table, "RESIDENT", TABLE_RIGHT);
    for (int part = 0; part < PAGES_PARTS; part++)
        if (shown[part])
            table_column(table, headings[part],
                         TABLE_RIGHT | (part >= PAGES_MAPPED ? TABLE_ROOMY : TABLE_AMPLE));
    table_column(table, "", 0);
    for (size_t k = 0; k < rows; k++) /* if there are many, show some of them, and the last */
        print_row(report, table, times, rows > 1 ? k * (count - 1) / (rows - 1) : 0, shown);
    printf("\n%sResident, by part%s\n", report_color(report, "bold"), report_color(report, "reset"));
    table_print(table);
    table_free(table);
    if (count > rows)
        printf("%zu more moments (all: --json).\n", count - rows);
}

void timeline_rss_json(struct json *json, const struct resident_times *times)
{
    json_array(json, "resident");
    for (size_t i = 0; i < times->moments.count; i++) {
        const struct resident_moment *m = &times->moments.list[i];

        json_object(json, NULL);
        json_real(json, "t_s", (double)m->t_ns / 1e9);
        json_text(json, "kind", resident_kinds[m->kind]);
        json_number(json, "resident_bytes", m->resident);
        json_object(json, "parts");
        for (int part = 0; part < PAGES_PARTS; part++)
            if (times->parts[i][part] != 0)
                json_number(json, resident_part_names[part], times->parts[i][part]);
        json_close(json);
        json_close(json);
    }
    json_close(json);
}
