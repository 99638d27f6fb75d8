/* brief.c - see brief.h. */
#define _GNU_SOURCE
#include "brief.h"
#include "by_line.h"
#include "missing.h"
#include "names.h"
#include "show.h"
#include "text.h"
#include "units.h"

#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define LEAST_NAME 30 /* columns that a long path leaves to the function after it */

static void __attribute__((format(printf, 3, 4)))
line(const struct report *report, const char *title, const char *format, ...)
{
    va_list arguments;

    va_start(arguments, format);
    char *text = text_format(format, arguments);

    va_end(arguments);
    if (report->width > 8)
        text = text_cut(text, (size_t)report->width - 7, 0);
    printf("%s%-5s%s  %s\n", report_color(report, "bold"), title, report_color(report, "reset"), text);
    free(text);
}

/* If there is little room, the path is cut first, at its beginning. */
static void print_where(const struct report *report, const struct run *run, const struct line_row *row)
{
    char bytes[UNITS_SIZE], share[UNITS_SIZE],
        *raw = show_place(run, row->file, row->line),
        *place = text_harmless(raw != NULL ? raw : text_basename(row->module)),
        *name = text_harmless(row->function);

    units_bytes(bytes, row->m.peak_bytes, report->bytes);
    units_percent(share, (double)row->m.peak_bytes, (double)run->t.m.peak_bytes);
    if (report->width > 0) {
        size_t taken = sizeof "where    (), " + text_width(bytes) + text_width(share),
               room = (size_t)report->width > taken ? (size_t)report->width - taken : 0,
               named = text_width(name) < LEAST_NAME ? text_width(name) : LEAST_NAME;

        place = text_cut(place, room > named + 16 ? room - named : 16, 1);
        char *cut = names_cut(name, room > text_width(place) + 10 ? room - text_width(place) : 10);

        free(name);
        name = cut;
    }
    line(report, "where", "%s (%s) %s  %s", bytes, share, place, name);
    free(raw);
    free(place);
    free(name);
}

int brief_print(struct report *report, const struct run *run)
{
    const struct lines_query query = {.run = run, .by = MEASURE_peak_bytes, .limit = 1};
    const struct store_measures *m = &run->t.m;
    char a[UNITS_SIZE], b[UNITS_SIZE], c[UNITS_SIZE], d[UNITS_SIZE];
    struct lines lines = {0};
    int status = lines_read(report, &query, &lines);

    line(report, "peak", "%s in %s block%s, at %s of %s", units_bytes(a, m->peak_bytes, report->bytes),
         units_count(b, m->peak_allocations), m->peak_allocations == 1 ? "" : "s",
         units_seconds(c, (double)run->t.peak_ns / 1e9), units_seconds(d, (double)run->t.wall_ns / 1e9));
    if (lines.count > 0)
        print_where(report, run, &lines.rows[0]);
    line(report, "live", "%s in %s block%s %s", units_bytes(a, run->t.end_bytes, report->bytes),
         units_count(b, run->t.end_allocations), run->t.end_allocations == 1 ? "" : "s",
         run->state == RUN_RECORDING ? "so far" : "at the end");
    missing_print(report, run);
    lines_free(&lines);
    return status;
}

int brief_run_of(struct report *report, int64_t pid, int64_t since, int64_t *number)
{
    sqlite3_stmt *s = report_prepare(
        report,
        "SELECT coalesce(max(r.id), 0) FROM run AS r JOIN process AS p ON p.run = r.id "
        "WHERE p.pid = ?1 AND substr(r.started, 1, 19) >= strftime('%Y-%m-%dT%H:%M:%S', ?2, 'unixepoch')");
    int status = EXIT_FINE;

    *number = 0;
    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, pid);
    sqlite3_bind_int64(s, 2, since);
    if (report_step(report, s, &status))
        *number = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return status;
}
