/* function.c - trace-report function: what is allocated in a function and below it, who calls it, and what
 * it calls. */
#include "commands.h"
#include "kind.h"
#include "neighbours.h"
#include "show.h"
#include "source_file.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_LIMIT 10

static int by = -1;
static int64_t limit = DEFAULT_LIMIT;
static struct filter filter;

static const struct option_spec options[] = {
    {"by", OPTION_MEASURE, &by, NULL, "what is counted (default: peak; of a part of a run: bytes)", NULL},
    KIND_OPTION,
    {"limit", OPTION_NUMBER, &limit, "N", "callers and callees to show (default: 10; 0: all)", NULL},
    SHOW_ALL_FRAMES,
    SOURCE_OPTION,
    FILTER_OPTIONS(filter),
    FILTER_MOMENTS(filter),
    {0},
};

const struct manual manual_function = {
    .operands = "NAME [RUN]",
    .about = "Shows one function: what is allocated in it and in all that it calls, who calls it, and what "
             "it calls. NAME\n"
             "may be a glob (std::vector*): then it is all of those. Callers are those of its outermost "
             "frame in a stack,\n"
             "callees those of its innermost, so that both add up to the whole, recursion or not.",
    .options = options,
    .examples = {{"main", "what main calls, in the latest run"},
                 {"'Parser::*' before --by bytes", "all functions of a class, in run 'before'"}},
    .most = 2,
};

static void print_amount(const struct report *report, const struct run *run, const struct store_measures *m,
                         const char *what)
{
    char a[UNITS_SIZE], b[UNITS_SIZE];
    const struct measure_row *row = &measures[by];

    units_measure(a, m, (enum measure)by, report->bytes);
    units_percent(b, (double)measure_value(m, (enum measure)by),
                  (double)measure_value(&run->t.m, (enum measure)by));
    printf("%s%s%s%s, %s of the run: %s\n", report_color(report, "bold"), a, row->is_bytes ? "" : " ",
           row->is_bytes ? "" : row->noun, run->window.set ? "-" : b, what);
    fputs(report_color(report, "reset"), stdout);
}

static int print_text(struct report *report, const struct lines_query *query, const char *name,
                      const struct neighbours *n)
{
    const char *bold = report_color(report, "bold"), *reset = report_color(report, "reset");
    int status = EXIT_FINE;

    run_headline(report, query->run);
    run_explain_empty(report, query->run);
    filter_print(report, &filter, query->run, &n->callers.sum);
    if (n->callers.count > 0) {
        print_amount(report, query->run, &n->callers.sum, "in it and in all that it calls");
        print_amount(report, query->run, &n->own, "by itself");
        printf("\n%sCalled by%s\n", bold, reset);
        status = show_lines(report, query, &n->callers, NULL, 0);
        printf("\n%sCalls%s\n", bold, reset);
        if (status == EXIT_FINE)
            status = show_lines(report, query, &n->callees, NULL, 0);
        show_words(report);
    } else if (n->functions > 0) {
        printf("Nothing in it matches.\n");
    }
    (void)name;
    report_next(report, "tree", "", "who calls what");
    return status;
}

static int print_json(struct report *report, const struct lines_query *query, const char *name,
                      const struct neighbours *n)
{
    struct json json;

    json_begin(&json, stdout, "libtrace.function/1");
    run_json(&json, "run", query->run);
    json_text(&json, "name", name);
    json_text(&json, "by", measures[by].by);
    json_text(&json, "kind", kind_names[kind_shown]);
    filter_json(&json, &filter, query->run);
    json_object(&json, "total");
    measures_json(&json, query->run, &n->callers.sum, &n->callers.sum_v);
    json_close(&json);
    json_object(&json, "self");
    measures_json(&json, query->run, &n->own, &n->own_v);
    json_close(&json);
    json_array(&json, "callers");
    int status = show_lines_json(report, &json, query, &n->callers, NULL, 0);

    json_close(&json);
    json_array(&json, "callees");
    if (status == EXIT_FINE)
        status = show_lines_json(report, &json, query, &n->callees, NULL, 0);
    json_close(&json);
    json_end(&json);
    return status;
}

int command_function(struct report *report, int argc, char **argv)
{
    struct run run = {0};
    struct neighbours neighbours = {0};
    int operands, status = args_parse(report, &manual_function, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    if (operands == 0)
        return report_error(report, EXIT_USAGE,
                            "which function? Name one; trace-report top -g function lists some.");
    if (filter.function != NULL)
        return report_error(report, EXIT_USAGE, "the function is named without --function here.");
    filter.function = argv[1];
    status = report_open(report);
    if (status == EXIT_FINE)
        status = run_find_window(report, operands > 1 ? argv[2] : NULL, &run);
    by = (int)filter_measure(&filter, &run, by, MEASURE_bytes);
    if (status == EXIT_FINE)
        status = filter_prepare(report, &filter, &run, (enum measure)by);
    const struct lines_query query = {.run = &run,
                                      .by = (enum measure)by,
                                      .filter = &filter,
                                      .limit = (size_t)limit,
                                      .all_frames = show_all_frames};

    if (status == EXIT_FINE)
        status = neighbours_read(report, &query, argv[1], &neighbours);
    if (status == EXIT_FINE)
        status = report->json ? print_json(report, &query, argv[1], &neighbours)
                              : print_text(report, &query, argv[1], &neighbours);
    neighbours_free(&neighbours);
    filter_free(&filter);
    run_free(&run);
    return status;
}
