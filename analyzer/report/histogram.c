/* histogram.c - trace-report histogram: how large blocks are, and how long they live. */
#include "commands.h"
#include "histograms.h"
#include "text.h"
#include "units.h"

#include <stdio.h>

static struct filter filter;

static const struct option_spec options[] = {
    FILTER_OPTIONS(filter),
    {0},
};

const struct manual manual_histogram = {
    .operands = "[RUN]",
    .about = "Shows how large the blocks of a run are, and how long those live that are freed: of the whole "
             "run, or "
             "of what\n"
             "the filters let through. Classes are powers of two; lifetimes are counted in steps of 10 ms.",
    .options = options,
    .examples = {{"", "the latest run"},
                 {"list --function 'read_*'", "blocks that some functions of run 'list' allocate"}},
    .most = 1,
    .whole =
        "sizes and lifetimes are kept of whole runs only. Of a part of one, timeline shows the heap, and "
        "top the lines.",
};

static int print_json(const struct run *run, const struct histograms *h)
{
    struct json json;

    json_begin(&json, stdout, "libtrace.histogram/1");
    run_json(&json, "run", run);
    filter_json(&json, &filter, NULL);
    json_number(&json, "allocations", h->allocations);
    json_number(&json, "bytes", h->bytes);
    json_number(&json, "freed", h->freed);
    json_number(&json, "smallest", h->smallest);
    json_number(&json, "largest", h->largest);
    histograms_json_sizes(&json, run, h);
    histograms_json_lifetimes(&json, run, h);
    json_end(&json);
    return EXIT_FINE;
}

static int print_text(const struct report *report, const struct run *run, const struct histograms *h)
{
    char a[UNITS_SIZE], b[UNITS_SIZE];

    run_headline(report, run);
    filter_print(report, &filter, NULL, NULL);
    run_explain_empty(report, run);
    if (h->allocations == 0 && run->t.m.allocations > 0)
        printf("Nothing in it matches.\n");
    if (h->allocations > 0) {
        char text[8 * UNITS_SIZE];
        int n = snprintf(text, sizeof text, "%s block%s of %s", units_count(a, h->allocations),
                         h->allocations == 1 ? "" : "s", units_bytes(b, h->smallest, report->bytes));

        if (h->largest != h->smallest)
            n += snprintf(text + n, sizeof text - (size_t)n, " to %s, %s on average",
                          units_bytes(a, h->largest, report->bytes),
                          units_bytes(b, h->bytes / h->allocations, report->bytes));
        snprintf(text + n, sizeof text - (size_t)n, "; %s freed",
                 h->freed == h->allocations ? "all"
                 : h->freed == 0            ? "none"
                                            : units_count(a, h->freed));
        text_wrap(stdout, text, (size_t)report->width, 2);
    }
    histograms_print_sizes(report, run, h);
    histograms_print_lifetimes(report, run, h);
    report_next(report, "temporary", "", "the lines whose blocks live shortest");
    return EXIT_FINE;
}

int command_histogram(struct report *report, int argc, char **argv)
{
    struct run run = {0};
    const struct run *all = &run;
    struct histograms histograms;
    int operands, status = args_parse(report, &manual_histogram, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    status = report_open(report);
    if (status == EXIT_FINE)
        status = run_find(report, operands > 0 ? argv[1] : NULL, &run);
    if (status == EXIT_FINE)
        status = filter_prepare_all(report, &filter, &all, 1);
    if (status == EXIT_FINE)
        status = histograms_read(report, &run, &filter, &histograms);
    if (status == EXIT_FINE)
        status = report->json ? print_json(&run, &histograms) : print_text(report, &run, &histograms);
    filter_free(&filter);
    run_free(&run);
    return status;
}
