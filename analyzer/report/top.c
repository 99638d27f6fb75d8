/* top.c - trace-report top: the lines that allocate most. */
#define _GNU_SOURCE
#include "args.h"
#include "commands.h"
#include "kind.h"
#include "by_line.h"
#include "by_stack.h"
#include "nameless.h"
#include "show.h"
#include "source_file.h"
#include "text.h"
#include "top_resident.h"
#include "units.h"
#include "watch.h"

#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_LIMIT 20

static int by = -1, group, leaf, inclusive; /* by: default the peak; for a part of a run, bytes */
static int64_t limit = DEFAULT_LIMIT, stacks_each;
static double watch_s;
static struct filter filter;

static const struct option_spec options[] = {
    {"by", OPTION_MEASURE, &by, NULL, "what is counted (default: peak; of a part of a run: bytes)",
     top_resident_names},
    KIND_OPTION,
    {"group", OPTION_CHOICE, &group, NULL, "what a row is (default: line)", group_names},
    {"limit", OPTION_NUMBER, &limit, "N", "rows to show (default: 20; 0: all)", NULL},
    {"stacks", OPTION_NUMBER, &stacks_each, "N", "the N largest stacks below each row", NULL},
    {"inclusive", OPTION_FLAG, &inclusive, NULL,
     "with all that is called: rows are in each other, and do not add up", NULL},
    SHOW_ALL_FRAMES,
    {"leaf", OPTION_FLAG, &leaf, NULL, "the innermost line, be it of an allocator or a library", NULL},
    {"watch", OPTION_EVERY, &watch_s, "[=SECONDS]",
     "refresh in place (each second) until Ctrl-C or the run's end", NULL},
    SOURCE_OPTION,
    FILTER_OPTIONS(filter),
    FILTER_MOMENTS(filter),
    {0},
};

const struct manual manual_top = {
    .operands = "[RUN]",
    .about = "Shows which lines hold a run's memory: what each held when the run held most, and what it "
             "allocated. A line\n"
             "counts what was allocated in it, or in code without source and in allocators called by it. RUN "
             "is a number or\n"
             "a label; the latest run if there is none. What lines keep resident, or pin, is known at "
             "moments: it is "
             "that of\n"
             "the latest one (trace-report rss has the others).",
    .options = options,
    .examples = {{"", "the lines that made up the heap when it was largest"},
                 {"--inclusive -g function", "functions, with all that they call"},
                 {"--by live --watch", "what a running program holds, again each second"}},
    .most = 1,
};

static int print_json(struct report *report, const struct lines_query *query, const struct lines *lines,
                      const struct line_stack *stacks)
{
    struct json json;

    json_begin(&json, stdout, "libtrace.top/1");
    run_json(&json, "run", query->run);
    json_text(&json, "by", measures[query->by].by);
    json_text(&json, "kind", kind_names[kind_shown]);
    json_text(&json, "group", group_names[query->group]);
    json_true(&json, "inclusive", query->inclusive);
    filter_json(&json, query->filter, query->run);
    if (query->group == GROUP_TYPE)
        json_number(&json, "unreadable", query->run->unreadable);
    json_number(&json, "rows_in_all", (int64_t)lines->all);
    json_object(&json, "total");
    measures_json(&json, query->run, &lines->sum, &lines->sum_v);
    json_close(&json);
    json_array(&json, "rows");
    int status = show_lines_json(report, &json, query, lines, stacks, (size_t)stacks_each);

    json_close(&json);
    json_end(&json);
    return status;
}

static void say_how_much_is_typed(const struct report *report, const struct run *run,
                                  const struct lines *lines, enum measure measure)
{
    char processes[UNITS_SIZE];
    int64_t all = measure_value(&lines->sum, measure);

    if (lines->typed == 0)
        text_wrap(
            stdout,
            "No type is known: that of a block is told by frames of C++'s library and of Rust's, as far as "
            "debug information names them, and by looks at live objects of C++ that have virtual "
            "functions. Python's objects are told by the program.",
            (size_t)report->width, 0);
    else if (lines->typed < all)
        printf("Types are known for %.1f %% of it.\n", 100 * (double)lines->typed / (double)all);
    if (run->unreadable == 0)
        return;
    char *text =
        text_make("Objects of C++, and the memory of Python's, were not looked at in %s process%s: the "
                  "kernel does not let the collector read the memory of what it may not trace "
                  "(kernel.yama.ptrace_scope, PR_SET_DUMPABLE).",
                  units_count(processes, run->unreadable), run->unreadable == 1 ? "" : "es");

    text_wrap(stdout, text, (size_t)report->width, 0);
    free(text);
}

static int print_text(struct report *report, const struct lines_query *query, const struct lines *lines,
                      const struct line_stack *stacks)
{
    int status = EXIT_FINE;

    run_headline(report, query->run);
    filter_print(report, query->filter, query->run, &lines->sum);
    if (lines->count == 0 && query->run->t.m.allocations > 0)
        printf("Nothing in it matches.\n");
    else if (lines->count == 0)
        run_explain_empty(report, query->run);
    else {
        putchar('\n');
        status = show_lines(report, query, lines, stacks, (size_t)stacks_each);
        if (group == GROUP_TYPE)
            say_how_much_is_typed(report, query->run, lines, query->by);
        if (!report->watching)
            nameless_print(report, query->run, query->by);
        show_words(report);
    }
    if (inclusive)
        report_next(report, "tree", "", "who calls what");
    else if (group == GROUP_TYPE)
        report_next(report, "top", "", "the lines, whatever they allocate");
    else if (stacks_each == 0 && group != GROUP_STACK)
        report_next(report, "top", "--stacks 1", "who called these lines");
    else if (query->run->window.set)
        report_next(report, "leaks", "", "what more is live at its end");
    else
        report_next(report, "summary", "", "the run on one page");
    return status;
}

static int show(struct report *report, const char *which, int64_t *recording)
{
    struct run run = {0};
    struct lines lines = {0};
    struct line_stack *stacks = NULL;
    int status = report_open(report);

    if (status == EXIT_FINE)
        status = run_find_window(report, which, &run);
    enum measure measure = filter_measure(&filter, &run, by, MEASURE_bytes);

    if (status == EXIT_FINE)
        status = filter_prepare(report, &filter, &run, measure);
    struct lines_query query = {.run = &run,
                                .group = (enum group)group,
                                .by = measure,
                                .inclusive = inclusive,
                                .all_frames = show_all_frames,
                                .leaf = leaf,
                                .filter = &filter,
                                .limit = (size_t)limit};

    if (status == EXIT_FINE)
        status = lines_read(report, &query, &lines);
    if (status == EXIT_FINE && stacks_each > 0 && group != GROUP_STACK)
        status = stacks_below(report, &query, &lines, (size_t)stacks_each, &stacks);
    if (status == EXIT_FINE)
        status = report->json ? print_json(report, &query, &lines, stacks)
                              : print_text(report, &query, &lines, stacks);
    *recording = run.state == RUN_RECORDING ? run.number : 0;
    free(stacks);
    lines_free(&lines);
    filter_free(&filter);
    run_free(&run);
    return status;
}

/* For resident pages, lines are known at single moments: not their stacks, and nothing for a time span. */
static int show_resident(struct report *report, const char *which)
{
    if (inclusive || leaf || stacks_each > 0 || group != GROUP_LINE || watch_s > 0 ||
        kind_shown != KIND_HEAP || filter.from != NULL || filter.to != NULL || filter.thread != NULL ||
        filter_has_stacks(&filter))
        return report_error(report, EXIT_USAGE,
                            "--by %s shows lines at one moment: it goes with --limit, --process, --module, "
                            "--file and --language.",
                            top_resident_names[by - MEASURES]);
    return top_resident(report, which, (enum resident_order)(by - MEASURES), &filter, (size_t)limit);
}

int command_top(struct report *report, int argc, char **argv)
{
    int64_t recording;
    int operands, status = args_parse(report, &manual_top, argc, argv, &operands);
    const char *which = operands > 0 ? argv[1] : NULL;

    if (status != ARGS_GO_ON)
        return status;
    if (stacks_each > 1000)
        return report_error(report, EXIT_USAGE, "--stacks takes at most 1000.");
    if (group == GROUP_TYPE && (inclusive || leaf || stacks_each > 0))
        return report_error(report, EXIT_USAGE,
                            "Types of blocks go without --inclusive, --leaf and --stacks.");
    if (inclusive && (leaf || stacks_each > 0 || group == GROUP_STACK))
        return report_error(report, EXIT_USAGE,
                            "--inclusive goes without --leaf, --stacks and --group stack.");
    if (by >= MEASURES)
        return show_resident(report, which);
    report->fresh_pages = group == GROUP_TYPE && watch_s == 0; /* what is on them is looked at then, too */
    return watch_s > 0 ? watch(report, watch_s, show, which) : show(report, which, &recording);
}
