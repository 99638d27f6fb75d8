/* timeline.c - trace-report timeline: the heap over time. */
#define _GNU_SOURCE
#include "chart.h"
#include "commands.h"
#include "args.h"
#include "filter.h"
#include "run.h"
#include "text.h"
#include "units.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_ROWS 12
#define BESIDE 12  /* columns left and right of the plot */
#define COLUMNS 80 /* where there is no terminal */
#define COLUMNS_MOST 240

static int64_t rows = DEFAULT_ROWS;
static struct filter moments; /* from and to of it */

static const struct option_spec options[] = {
    {"rows", OPTION_NUMBER, &rows, "N", "height of the chart (default: 12)", NULL},
    {"from", OPTION_TEXT, &moments.from, "MOMENT", "the part that begins there: a mark (trace.h), or seconds",
     NULL},
    {"to", OPTION_TEXT, &moments.to, "MOMENT", "and ends there; the first mark of that name after --from",
     NULL},
    {0},
};

const struct manual manual_timeline = {
    .operands = "[RUN]",
    .about = "Shows what a run held over time: live bytes as an area, resident memory as a line, with its "
             "peak and\n"
             "its marks. With --from, --to: that part of it, with the highest of its samples where the run's "
             "peak is not\n"
             "in it. In a locale that is not UTF-8 the chart is drawn with ASCII.",
    .options = options,
    .examples = {{"", "the latest run"},
                 {"list --rows 24", "a larger chart of run 'list'"},
                 {"--from loaded --to 2.5", "what comes after a mark, up to 2.5 s"}},
    .most = 1,
};

struct sample {
    double t;
    int64_t allocations, bytes, rss;
};

struct mark {
    double t;
    int64_t process;
    char *name;
};

struct timeline {
    struct run run;
    struct sample *samples; /* of the part that is meant, as the marks */
    struct mark *marks;
    size_t sample_count, mark_count;
};

/* ---- reading --------------------------------------------------------------------------------- */

static void *grow(void *array, size_t count, size_t size)
{
    return (count & (count - 1)) == 0 ? realloc(array, (count * 2 + 1) * size) : array;
}

/* A query of run, begin and end, which are both part of it. */
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

static int read_samples(const struct report *report, struct timeline *timeline)
{
    sqlite3_stmt *s = prepare(report, &timeline->run,
                              "SELECT t_ns / 1e9, live_allocations, live_bytes, rss_bytes FROM sample "
                              "WHERE run = ? AND t_ns BETWEEN ? AND ? ORDER BY t_ns");
    int status = EXIT_FINE;

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, timeline->run.number);
    while (report_step(report, s, &status)) {
        struct sample *more = grow(timeline->samples, timeline->sample_count, sizeof *more);

        if (more == NULL)
            break;
        timeline->samples = more;
        more[timeline->sample_count++] =
            (struct sample){sqlite3_column_double(s, 0), sqlite3_column_int64(s, 1),
                            sqlite3_column_int64(s, 2), sqlite3_column_int64(s, 3)};
    }
    sqlite3_finalize(s);
    return status;
}

static int read_marks(const struct report *report, struct timeline *timeline)
{
    sqlite3_stmt *s =
        prepare(report, &timeline->run,
                "SELECT t_ns / 1e9, process, name FROM mark WHERE run = ? AND kind < 2 AND t_ns "
                "BETWEEN ? AND ? ORDER BY t_ns, id");
    int status = EXIT_FINE;

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, timeline->run.number);
    while (report_step(report, s, &status)) {
        struct mark *more = grow(timeline->marks, timeline->mark_count, sizeof *more);
        const char *name = (const char *)sqlite3_column_text(s, 2);

        if (more == NULL)
            break;
        timeline->marks = more;
        more[timeline->mark_count++] = (struct mark){sqlite3_column_double(s, 0), sqlite3_column_int64(s, 1),
                                                     strdup(name != NULL ? name : "")};
    }
    sqlite3_finalize(s);
    return status;
}

/* ---- showing --------------------------------------------------------------------------------- */

/* Between marks the highest heap is known more exactly than its time, which may seem to be beyond them. */
static int has_peak_of_run(const struct run *run)
{
    const struct window *window = &run->window;

    return !window->set || (run->t.peak_ns >= window->from.t_ns && run->t.peak_ns <= window->to.t_ns &&
                            (!window->peak_known || window->peak_bytes == run->t.m.peak_bytes));
}

/* The run's peak is known exactly, and lies between samples; that of a part is the highest of its samples. */
static void find_peak(const struct timeline *timeline, struct chart *chart)
{
    if (has_peak_of_run(&timeline->run)) {
        chart->peak_t = (double)timeline->run.t.peak_ns / 1e9;
        chart->peak = (double)timeline->run.t.m.peak_bytes;
        return;
    }
    for (size_t i = 0; i < timeline->sample_count; i++)
        if ((double)timeline->samples[i].bytes > chart->peak) {
            chart->peak_t = timeline->samples[i].t;
            chart->peak = (double)timeline->samples[i].bytes;
        }
}

static void find_edges(const struct timeline *timeline, struct chart *chart)
{
    const struct window *window = &timeline->run.window;

    if (window->set && window->from.t_ns != WINDOW_START)
        chart->begin = (double)window->from.t_ns / 1e9;
    if (window->set && window->to.t_ns != WINDOW_END) {
        chart->end = (double)window->to.t_ns / 1e9;
        return;
    }
    chart->end = (double)timeline->run.t.wall_ns / 1e9;
    for (size_t i = 0; i < timeline->sample_count; i++)
        chart->end = timeline->samples[i].t > chart->end ? timeline->samples[i].t : chart->end;
}

static void draw(const struct report *report, const struct timeline *timeline, struct chart *chart)
{
    struct chart_mark marks[CHART_MARKS];
    char text[2 * UNITS_SIZE + 16], bytes[UNITS_SIZE], at[UNITS_SIZE];

    find_edges(timeline, chart);
    for (size_t i = 0; i < timeline->sample_count; i++) {
        chart_add(chart, chart->area, timeline->samples[i].t, (double)timeline->samples[i].bytes);
        if (timeline->samples[i].rss > 0)
            chart_add(chart, chart->line, timeline->samples[i].t, (double)timeline->samples[i].rss);
    }
    find_peak(timeline, chart);
    chart_fill(chart, chart->area);
    chart_fill(chart, chart->line);
    chart_add(chart, chart->area, chart->peak_t, chart->peak);
    snprintf(text, sizeof text, "%s %s at %s", has_peak_of_run(&timeline->run) ? "peak" : "highest sample",
             units_bytes(bytes, (int64_t)chart->peak, report->bytes),
             units_moment(at, chart->peak_t, chart->end - chart->begin));
    chart->peak_text = text;
    chart->marks = marks;
    chart->mark_count = timeline->mark_count;
    for (size_t i = 0; i < timeline->mark_count && i < CHART_MARKS; i++)
        marks[i] = (struct chart_mark){timeline->marks[i].t, timeline->marks[i].name};
    chart_print(report, chart);
    chart->marks = NULL;
    chart->peak_text = NULL;
}

static int print_text(const struct report *report, const struct timeline *timeline)
{
    int width = report->width > 0 ? report->width : COLUMNS;
    int height = rows < 4 ? 4 : rows > 100 ? 100 : (int)rows;
    struct chart chart;

    run_headline(report, &timeline->run);
    window_print(report, &timeline->run, NULL);
    run_explain_empty(report, &timeline->run);
    if (timeline->run.t.m.allocations == 0)
        return EXIT_FINE;
    if (timeline->sample_count == 0 && !has_peak_of_run(&timeline->run)) {
        text_wrap(stdout, "No sample lies in it: one is taken every tenth of a second, fewer in long runs.",
                  (size_t)report->width, 2);
        return EXIT_FINE;
    }
    if (!chart_new(&chart, (width > COLUMNS_MOST ? COLUMNS_MOST : width) - BESIDE, height)) {
        chart_free(&chart);
        return report_error(report, EXIT_FAILED, "out of memory");
    }
    putchar('\n');
    draw(report, timeline, &chart);
    printf("\n%s%s%s live bytes  %s%s%s resident (RSS)\n", report_color(report, "green"),
           report->ascii ? "#" : "\xe2\x96\x88", report_color(report, "reset"),
           report_color(report, "yellow"), report->ascii ? "-" : "\xe2\xa0\x92",
           report_color(report, "reset"));
    chart_free(&chart);
    if (timeline->run.window.set)
        report_next(report, "top", "--by live", "what is live at the end");
    else
        report_next(report, "top", "--by peak", "the lines that made up the peak");
    return EXIT_FINE;
}

static int print_json(const struct timeline *timeline)
{
    struct json json;

    json_begin(&json, stdout, "libtrace.timeline/1");
    run_json(&json, "run", &timeline->run);
    window_json(&json, &timeline->run);
    json_array(&json, "samples");
    for (size_t i = 0; i < timeline->sample_count; i++) {
        const struct sample *s = &timeline->samples[i];

        json_object(&json, NULL);
        json_real(&json, "t_s", s->t);
        json_number(&json, "live_allocations", s->allocations);
        json_number(&json, "live_bytes", s->bytes);
        json_number(&json, "rss_bytes", s->rss);
        json_close(&json);
    }
    json_close(&json);
    json_array(&json, "marks");
    for (size_t i = 0; i < timeline->mark_count; i++) {
        json_object(&json, NULL);
        json_real(&json, "t_s", timeline->marks[i].t);
        json_number(&json, "process", timeline->marks[i].process);
        json_text(&json, "name", timeline->marks[i].name);
        json_close(&json);
    }
    json_end(&json);
    return EXIT_FINE;
}

int command_timeline(struct report *report, int argc, char **argv)
{
    struct timeline timeline = {0};
    int operands, status = args_parse(report, &manual_timeline, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    status = report_open(report);
    if (status == EXIT_FINE)
        status = run_find_window(report, operands > 0 ? argv[1] : NULL, &timeline.run);
    if (status == EXIT_FINE)
        status = window_resolve_exact(report, &timeline.run, &moments);
    if (status == EXIT_FINE)
        status = read_samples(report, &timeline);
    if (status == EXIT_FINE)
        status = read_marks(report, &timeline);
    if (status == EXIT_FINE)
        status = report->json ? print_json(&timeline) : print_text(report, &timeline);
    for (size_t i = 0; i < timeline.mark_count; i++)
        free(timeline.marks[i].name);
    free(timeline.marks);
    free(timeline.samples);
    run_free(&timeline.run);
    return status;
}
