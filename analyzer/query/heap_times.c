/* heap_times.c - see heap_times.h. */
#define _GNU_SOURCE
#include "heap_times.h"
#include "kind.h"

#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

static void *grow(void *array, size_t count, size_t size)
{
    return (count & (count - 1)) == 0 ? realloc(array, (count * 2 + 1) * size) : array;
}

/* Prepares a query with parameters run, begin and end (inclusive). */
static sqlite3_stmt *prepare(const struct report *report, const struct run *run, const char *sql)
{
    sqlite3_stmt *s = report_prepare(report, sql);

    if (s != NULL) {
        sqlite3_bind_int64(s, 1, run->number);
        sqlite3_bind_int64(s, 2, run->window.set ? run->window.from.t_ns : WINDOW_START);
        sqlite3_bind_int64(s, 3, run->window.set ? run->window.to.t_ns : WINDOW_END);
    }
    return s;
}

static int read_samples(const struct report *report, const struct run *run, struct heap_times *times)
{
    sqlite3_stmt *s = prepare(report, run,
                              "SELECT t_ns / 1e9, live_allocations, live_bytes, rss_bytes FROM sample "
                              "WHERE run = ? AND t_ns BETWEEN ? AND ? ORDER BY t_ns");
    int status = EXIT_FINE;

    if (s == NULL)
        return EXIT_FAILED;
    while (report_step(report, s, &status)) {
        struct heap_sample *more = grow(times->samples, times->sample_count, sizeof *more);

        times->samples = more;
        more[times->sample_count++] =
            (struct heap_sample){sqlite3_column_double(s, 0), sqlite3_column_int64(s, 1),
                                 sqlite3_column_int64(s, 2), sqlite3_column_int64(s, 3)};
    }
    sqlite3_finalize(s);
    return status;
}

static int read_marks(const struct report *report, const struct run *run, struct heap_times *times)
{
    sqlite3_stmt *s = prepare(report, run,
                              "SELECT t_ns / 1e9, process, name FROM mark WHERE run = ? AND kind < 2 AND "
                              "t_ns BETWEEN ? AND ? ORDER BY t_ns, id");
    int status = EXIT_FINE;

    if (s == NULL)
        return EXIT_FAILED;
    while (report_step(report, s, &status)) {
        struct heap_mark *more = grow(times->marks, times->mark_count, sizeof *more);
        const char *name = (const char *)sqlite3_column_text(s, 2);

        times->marks = more;
        more[times->mark_count++] = (struct heap_mark){
            sqlite3_column_double(s, 0), sqlite3_column_int64(s, 1), strdup(name != NULL ? name : "")};
    }
    sqlite3_finalize(s);
    return status;
}

int heap_times_read(const struct report *report, const struct run *run, struct heap_times *times)
{
    *times = (struct heap_times){0};
    int status = read_samples(report, run, times);

    return status == EXIT_FINE ? read_marks(report, run, times) : status;
}

void heap_times_free(struct heap_times *times)
{
    for (size_t i = 0; i < times->mark_count; i++)
        free(times->marks[i].name);
    free(times->marks);
    free(times->samples);
    *times = (struct heap_times){0};
}

/* ---- as a chart ------------------------------------------------------------------------------ */

/* The highest heap between two marks is known exactly, but the time of the peak only roughly: it may seem
 * to lie outside. */
int heap_times_has_peak(const struct run *run)
{
    const struct window *window = &run->window;

    if (kind_shown != KIND_HEAP) /* the run's peak is that of its mappings then; samples are of the heap */
        return 0;
    return !window->set || (run->t.peak_ns >= window->from.t_ns && run->t.peak_ns <= window->to.t_ns &&
                            (!window->peak_known || window->peak_bytes == run->t.m.peak_bytes));
}

/* The run's peak is known exactly, and lies between samples; for a part of a run it is the highest sample. */
static void find_peak(const struct heap_times *times, const struct run *run, struct chart *chart)
{
    if (heap_times_has_peak(run)) {
        chart->peak_t = (double)run->t.peak_ns / 1e9;
        chart->peak = (double)run->t.m.peak_bytes;
        return;
    }
    for (size_t i = 0; i < times->sample_count; i++)
        if ((double)times->samples[i].bytes > chart->peak) {
            chart->peak_t = times->samples[i].t;
            chart->peak = (double)times->samples[i].bytes;
        }
}

static void find_edges(const struct heap_times *times, const struct run *run, struct chart *chart)
{
    const struct window *window = &run->window;

    if (window->set && window->from.t_ns != WINDOW_START)
        chart->begin = (double)window->from.t_ns / 1e9;
    if (window->set && window->to.t_ns != WINDOW_END) {
        chart->end = (double)window->to.t_ns / 1e9;
        return;
    }
    chart->end = (double)run->t.wall_ns / 1e9;
    for (size_t i = 0; i < times->sample_count; i++)
        chart->end = times->samples[i].t > chart->end ? times->samples[i].t : chart->end;
}

void heap_times_chart(const struct heap_times *times, const struct run *run, struct chart *chart)
{
    find_edges(times, run, chart);
    for (size_t i = 0; i < times->sample_count; i++) {
        chart_add(chart, chart->area, times->samples[i].t, (double)times->samples[i].bytes);
        if (times->samples[i].rss > 0)
            chart_add(chart, chart->line, times->samples[i].t, (double)times->samples[i].rss);
    }
    find_peak(times, run, chart);
    chart_fill(chart, chart->area);
    chart_fill(chart, chart->line);
    chart_add(chart, chart->area, chart->peak_t, chart->peak);
}
