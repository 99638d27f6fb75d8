/* timeline.c - trace-report timeline: the heap over time. */
#define _GNU_SOURCE
#include "chart.h"
#include "commands.h"
#include "args.h"
#include "filter.h"
#include "heap_times.h"
#include "run.h"
#include "sampling.h"
#include "text.h"
#include "timeline_rss.h"
#include "units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_ROWS 12
#define BESIDE 12  /* columns left and right of the plot */
#define COLUMNS 80 /* if there is no terminal */
#define COLUMNS_MOST 240

static int64_t rows = DEFAULT_ROWS;
static struct filter moments; /* only its --from and --to are used */

static const struct option_spec options[] = {
    {"rows", OPTION_NUMBER, &rows, "N", "height of the chart (default: 12)", NULL},
    {"from", OPTION_TEXT, &moments.from, "MOMENT",
     "the part that begins there: a mark (trace.h), or a time: 90, 2h30m, -1h", NULL},
    {"to", OPTION_TEXT, &moments.to, "MOMENT", "and ends there; the first mark of that name after --from",
     NULL},
    {0},
};

const struct manual manual_timeline = {
    .operands = "[RUN]",
    .about =
        "Shows what a run held over time: live bytes as an area, resident memory as a line, with its "
        "peak and\n"
        "its marks; below it what was resident, by part, at the moments that are known (see rss). With "
        "--from, --to:\n"
        "that part of it, with the highest of its samples where the run's peak is not in it. In a locale "
        "that is not\n"
        "UTF-8 the chart is drawn with ASCII.",
    .options = options,
    .examples = {{"", "the latest run"},
                 {"list --rows 24", "a larger chart of run 'list'"},
                 {"--from loaded --to 2.5", "what comes after a mark, up to 2.5 s"}},
    .most = 1,
};

struct timeline {
    struct run run;
    struct heap_times times; /* of the chosen part of the run */
    struct resident_times rss;
};

/* ---- showing --------------------------------------------------------------------------------- */

/* Of the live bytes of a sampled run at a moment, by the model. */
static double variance(const struct run *run, int64_t blocks, int64_t bytes)
{
    return sampling_is_on(run) ? variances_model(blocks, bytes, run->sampling.interval).bytes : 0;
}

/* Of the highest moment that is shown. */
static double peak_variance(const struct timeline *timeline)
{
    const struct run *run = &timeline->run;
    const struct heap_sample *highest = NULL;

    if (heap_times_has_peak(run))
        return variance(run, run->t.m.peak_allocations, run->t.m.peak_bytes);
    for (size_t i = 0; i < timeline->times.sample_count; i++)
        if (highest == NULL || timeline->times.samples[i].bytes > highest->bytes)
            highest = &timeline->times.samples[i];
    return highest != NULL ? variance(run, highest->allocations, highest->bytes) : 0;
}

static void draw(const struct report *report, const struct timeline *timeline, struct chart *chart)
{
    struct chart_mark marks[CHART_MARKS];
    char text[3 * UNITS_SIZE + 16], bytes[UNITS_SIZE], at[UNITS_SIZE], error[UNITS_SIZE];

    heap_times_chart(&timeline->times, &timeline->run, chart);
    variances_text_of(error, peak_variance(timeline), 1, report->bytes);
    snprintf(text, sizeof text, "%s %s%s%s at %s",
             heap_times_has_peak(&timeline->run) ? "peak" : "highest sample",
             units_bytes(bytes, (int64_t)chart->peak, report->bytes), *error != '\0' ? " " : "", error,
             units_moment(at, chart->peak_t, chart->end - chart->begin));
    chart->peak_text = text;
    chart->marks = marks;
    chart->mark_count = timeline->times.mark_count;
    for (size_t i = 0; i < timeline->times.mark_count && i < CHART_MARKS; i++)
        marks[i] = (struct chart_mark){timeline->times.marks[i].t, timeline->times.marks[i].name};
    chart_print(report, chart);
    chart->marks = NULL;
    chart->peak_text = NULL;
}

static void print_text(const struct report *report, const struct timeline *timeline)
{
    int width = report->width > 0 ? report->width : COLUMNS;
    int height = rows < 4 ? 4 : rows > 100 ? 100 : (int)rows;
    struct chart chart;

    run_headline(report, &timeline->run);
    window_print(report, &timeline->run, NULL);
    run_explain_empty(report, &timeline->run);
    if (timeline->run.t.m.allocations == 0)
        return;
    if (timeline->times.sample_count == 0 && !heap_times_has_peak(&timeline->run)) {
        text_wrap(stdout, "No sample lies in it: one is taken every tenth of a second, fewer in long runs.",
                  (size_t)report->width, 2);
        return;
    }
    chart_new(&chart, (width > COLUMNS_MOST ? COLUMNS_MOST : width) - BESIDE, height);
    putchar('\n');
    draw(report, timeline, &chart);
    printf("\n%s%s%s live bytes  %s%s%s resident (RSS)\n", report_color(report, "green"),
           report->ascii ? "#" : "\xe2\x96\x88", report_color(report, "reset"),
           report_color(report, "yellow"), report->ascii ? "-" : "\xe2\xa0\x92",
           report_color(report, "reset"));
    chart_free(&chart);
    timeline_rss_print(report, &timeline->rss);
    if (timeline->run.window.set)
        report_next(report, "top", "--by live", "what is live at the end");
    else
        report_next(report, "top", "--by peak", "the lines that made up the peak");
}

static void print_json(const struct timeline *timeline)
{
    struct json json;

    json_begin(&json, stdout, "libtrace.timeline/1");
    run_json(&json, "run", &timeline->run);
    window_json(&json, &timeline->run);
    json_array(&json, "samples");
    for (size_t i = 0; i < timeline->times.sample_count; i++) {
        const struct heap_sample *s = &timeline->times.samples[i];

        json_object(&json, NULL);
        json_real(&json, "t_s", s->t);
        json_number(&json, "live_allocations", s->allocations);
        json_number(&json, "live_bytes", s->bytes);
        if (sampling_is_on(&timeline->run))
            json_number(&json, "live_bytes_error",
                        llround(sqrt(variance(&timeline->run, s->allocations, s->bytes))));
        json_number(&json, "rss_bytes", s->rss);
        json_close(&json);
    }
    json_close(&json);
    json_array(&json, "marks");
    for (size_t i = 0; i < timeline->times.mark_count; i++) {
        json_object(&json, NULL);
        json_real(&json, "t_s", timeline->times.marks[i].t);
        json_number(&json, "process", timeline->times.marks[i].process);
        json_text(&json, "name", timeline->times.marks[i].name);
        json_close(&json);
    }
    json_close(&json);
    timeline_rss_json(&json, &timeline->rss);
    json_end(&json);
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
        status = heap_times_read(report, &timeline.run, &timeline.times);
    if (status == EXIT_FINE)
        status = resident_times_read(report, &timeline.run, &timeline.rss);
    if (status == EXIT_FINE && report->json)
        print_json(&timeline);
    else if (status == EXIT_FINE)
        print_text(report, &timeline);
    heap_times_free(&timeline.times);
    resident_times_free(&timeline.rss);
    run_free(&timeline.run);
    return status;
}
