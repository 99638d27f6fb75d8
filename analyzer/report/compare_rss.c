/* compare_rss.c - see compare_rss.h. */
#define _GNU_SOURCE
#include "compare_rss.h"
#include "rss_words.h"
#include "table.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>

#define LEAST 0.001 /* share of what was resident; smaller changes are not shown */

/* If there are several runs, reads the latest: means would be of moments that never existed. */
static int read_one(struct report *report, const struct compared *c, struct resident *r)
{
    const struct run *run = &c->side.runs[c->side.count - 1];

    return resident_read(report, run, c->side.filter, resident_highest, 1, r);
}

int compare_rss_read(struct report *report, const struct compared *a, const struct compared *b,
                     struct compare_rss *rss)
{
    *rss = (struct compare_rss){0};
    if (a->side.count == 0 || b->side.count == 0)
        return EXIT_FINE;
    int status = read_one(report, a, &rss->before);

    if (status == EXIT_FINE)
        status = read_one(report, b, &rss->after);
    rss->known = status == EXIT_FINE && rss->before.moments > 0 && rss->after.moments > 0;
    return status;
}

void compare_rss_free(struct compare_rss *rss)
{
    resident_free(&rss->before);
    resident_free(&rss->after);
}

static double change(const struct compare_rss *rss, int part)
{
    return (double)rss->after.parts[part].bytes - (double)rss->before.parts[part].bytes;
}

static const struct compare_rss *sorted; /* for by_change */

static int by_change(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    double p = change(sorted, x), q = change(sorted, y);

    p = p < 0 ? -p : p;
    q = q < 0 ? -q : q;
    return p != q ? (p < q) - (p > q) : x - y;
}

/* Sorts the parts, the largest change first. */
static void sort(const struct compare_rss *rss, int order[PAGES_PARTS])
{
    for (int i = 0; i < PAGES_PARTS; i++)
        order[i] = i;
    sorted = rss;
    qsort(order, PAGES_PARTS, sizeof order[0], by_change);
}

static void row(const struct report *report, struct table *table, int64_t before, int64_t after,
                const char *name, const char *color)
{
    double grown = (double)after - (double)before;
    char out[UNITS_SIZE];

    table_row(table, color);
    table_cell(table, units_bytes_signed(out, grown, report->bytes));
    table_cell_color(table, grown > 0 ? "red" : grown < 0 ? "green" : NULL);
    table_cell(table, units_bytes(out, before, report->bytes));
    table_cell(table, units_bytes(out, after, report->bytes));
    table_cell(table, name);
}

void compare_rss_print(const struct report *report, const struct compare_rss *rss)
{
    const struct resident *before = &rss->before, *after = &rss->after;
    char a[128], b[128];
    int order[PAGES_PARTS];

    if (!rss->known)
        return;
    rss_moment(before, a, sizeof a);
    rss_moment(after, b, sizeof b);
    printf("\n%sResident, by part%s\n", report_color(report, "bold"), report_color(report, "reset"));
    char *text = text_make("Where most was seen: before %s, after %s.", a, b);

    text_wrap(stdout, text, (size_t)report->width, 0);
    free(text);
    struct table *table = table_new(report);

    table_column(table, "CHANGE", TABLE_RIGHT);
    table_column(table, "BEFORE", TABLE_RIGHT);
    table_column(table, "AFTER", TABLE_RIGHT);
    table_column(table, "PART", 0);
    row(report, table, before->moment.resident, after->moment.resident, "all of it", "bold");
    sort(rss, order);
    for (int i = 0; i < PAGES_PARTS; i++) {
        double by = change(rss, order[i]);

        if ((by < 0 ? -by : by) > LEAST * (double)before->moment.resident)
            row(report, table, before->parts[order[i]].bytes, after->parts[order[i]].bytes,
                resident_part_names[order[i]], NULL);
    }
    table_print(table);
    table_free(table);
}

void compare_rss_json(struct json *json, const struct compare_rss *rss)
{
    int order[PAGES_PARTS];

    if (!rss->known) {
        json_null(json, "resident");
        return;
    }
    sort(rss, order);
    json_object(json, "resident");
    json_number(json, "bytes_before", rss->before.moment.resident);
    json_number(json, "bytes_after", rss->after.moment.resident);
    json_object(json, "before");
    rss_moment_json(json, &rss->before);
    json_close(json);
    json_object(json, "after");
    rss_moment_json(json, &rss->after);
    json_close(json);
    json_array(json, "parts");
    for (int i = 0; i < PAGES_PARTS; i++) {
        if (rss->before.parts[order[i]].all == 0 && rss->after.parts[order[i]].all == 0)
            continue;
        json_object(json, NULL);
        json_text(json, "part", resident_part_names[order[i]]);
        json_number(json, "bytes_before", rss->before.parts[order[i]].bytes);
        json_number(json, "bytes_after", rss->after.parts[order[i]].bytes);
        json_number(json, "bytes_change",
                    (int64_t)((uint64_t)rss->after.parts[order[i]].bytes -
                              (uint64_t)rss->before.parts[order[i]].bytes));
        json_close(json);
    }
    json_close(json);
    json_close(json);
}
