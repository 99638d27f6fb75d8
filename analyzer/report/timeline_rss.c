/* timeline_rss.c - see timeline_rss.h. */
#include "timeline_rss.h"
#include "table.h"
#include "units.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 12 /* of the table */

/* Those of the part of the run that is meant. */
static void narrow(const struct run *run, struct resident_moments *moments)
{
    size_t kept = 0;

    for (size_t i = 0; i < moments->count; i++)
        if (!run->window.set ||
            (moments->list[i].t_ns >= run->window.from.t_ns && moments->list[i].t_ns <= run->window.to.t_ns))
            moments->list[kept++] = moments->list[i];
    moments->count = kept;
}

/* A sum of the query, for its moment if that is one of ours. */
static void take(struct timeline_rss *rss, sqlite3_stmt *s)
{
    const char *name = (const char *)sqlite3_column_text(s, 1);
    int part = PAGES_OTHER;

    for (int i = 0; i < PAGES_PARTS; i++)
        if (name != NULL && strcmp(resident_part_names[i], name) == 0)
            part = i;
    for (size_t i = 0; i < rss->moments.count; i++)
        if (rss->moments.list[i].id == sqlite3_column_int64(s, 0))
            rss->parts[i][part] += sqlite3_column_int64(s, 2);
}

int timeline_rss_read(struct report *report, const struct run *run, struct timeline_rss *rss)
{
    struct filter all = {0};

    *rss = (struct timeline_rss){0};
    int status = resident_moments_read(report, run, &all, &rss->moments);

    narrow(run, &rss->moments);
    if (status != EXIT_FINE || rss->moments.count == 0)
        return status;
    rss->parts = calloc(rss->moments.count, sizeof *rss->parts);
    if (rss->parts == NULL)
        return report_error(report, EXIT_FAILED, "out of memory");
    sqlite3_stmt *s =
        report_prepare(report, "SELECT moment, part, sum(bytes) FROM resident WHERE run = ?1 AND "
                               "part <> 'untouched' GROUP BY 1, 2");

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, run->number);
    while (report_step(report, s, &status))
        take(rss, s);
    sqlite3_finalize(s);
    return status;
}

void timeline_rss_free(struct timeline_rss *rss)
{
    free(rss->parts);
    resident_moments_free(&rss->moments);
}

/* What a moment is called, where its time says little. */
static const char *kind_of(const struct resident_moment *m)
{
    static const char *const names[STORE_PAGES_KINDS] = {[STORE_PAGES_ASKED] = "",
                                                         [STORE_PAGES_MARK] = "mark",
                                                         [STORE_PAGES_HIGH] = "high",
                                                         [STORE_PAGES_END] = "end"};

    return names[m->kind];
}

static void print_row(const struct report *report, struct table *table, const struct timeline_rss *rss,
                      size_t i, const int shown[PAGES_PARTS])
{
    const struct resident_moment *m = &rss->moments.list[i];
    char out[UNITS_SIZE];

    table_row(table, NULL);
    table_cell(table, units_seconds(out, (double)m->t_ns / 1e9));
    table_cell(table, units_bytes(out, m->resident, report->bytes));
    for (int part = 0; part < PAGES_PARTS; part++)
        if (shown[part])
            table_cell(table, units_bytes(out, rss->parts[i][part], report->bytes));
    table_cell(table, kind_of(m));
}

void timeline_rss_print(const struct report *report, const struct timeline_rss *rss)
{
    static const char *const headings[PAGES_PARTS] = {"LIVE",   "ROUNDING", "PINNED", "FREE", "MAPPED",
                                                      "STACKS", "FILES",    "TRACER", "OTHER"};
    size_t count = rss->moments.count, rows = count < ROWS ? count : ROWS;
    int shown[PAGES_PARTS] = {0};

    if (count == 0)
        return;
    for (size_t i = 0; i < count; i++)
        for (int part = 0; part < PAGES_PARTS; part++)
            shown[part] |= rss->parts[i][part] != 0;
    struct table *table = table_new(report);

    table_column(table, "TIME", TABLE_RIGHT);
    table_column(table, "RESIDENT", TABLE_RIGHT);
    for (int part = 0; part < PAGES_PARTS; part++)
        if (shown[part])
            table_column(table, headings[part],
                         TABLE_RIGHT | (part >= PAGES_MAPPED ? TABLE_ROOMY : TABLE_AMPLE));
    table_column(table, "", 0);
    for (size_t k = 0; k < rows; k++) /* of many some, and the last */
        print_row(report, table, rss, rows > 1 ? k * (count - 1) / (rows - 1) : 0, shown);
    printf("\n%sResident, by part%s\n", report_color(report, "bold"), report_color(report, "reset"));
    table_print(table);
    table_free(table);
    if (count > rows)
        printf("%zu more moments (all: --json).\n", count - rows);
}

void timeline_rss_json(struct json *json, const struct timeline_rss *rss)
{
    json_array(json, "resident");
    for (size_t i = 0; i < rss->moments.count; i++) {
        const struct resident_moment *m = &rss->moments.list[i];

        json_object(json, NULL);
        json_real(json, "t_s", (double)m->t_ns / 1e9);
        json_text(json, "kind", resident_kinds[m->kind]);
        json_number(json, "resident_bytes", m->resident);
        json_object(json, "parts");
        for (int part = 0; part < PAGES_PARTS; part++)
            if (rss->parts[i][part] != 0)
                json_number(json, resident_part_names[part], rss->parts[i][part]);
        json_close(json);
        json_close(json);
    }
    json_close(json);
}
