/* export.c - trace-report export: a run in formats of other tools; one file of this folder writes each. */
#include "commands.h"
#include "kind.h"
#include "export.h"
#include "output.h"

#include <stdio.h>
#include <string.h>

static const char *const format_names[] = {"pprof",  "folded", "speedscope", "dhat",
                                           "massif", "csv",    "json",       NULL};
#define NO_FORMAT (-1)

static int format = NO_FORMAT, by = MEASURE_bytes;
static const char *file;
static struct filter filter;

static const struct option_spec options[] = {
    KIND_OPTION,
    {"format", OPTION_CHOICE, &format, NULL, "what to write; dhat, massif and json hold all measures",
     format_names},
    {"by", OPTION_MEASURE, &by, NULL, "what is counted (default: bytes); pprof: what is shown first", NULL},
    {"o", OPTION_TEXT, &file, "FILE", "where to (default: stdout)", NULL},
    FILTER_OPTIONS(filter),
    FILTER_MOMENTS(filter),
    {0},
};

const struct manual manual_export = {
    .operands = "[RUN]",
    .about = "Writes a run for other tools. RUN is a number or a label; the latest run if there is none.\n"
             "  pprof       go tool pprof, Pyroscope, Parca\n"
             "  folded      flamegraph.pl, inferno\n"
             "  speedscope  speedscope.app\n"
             "  dhat        valgrind's dh_view.html\n"
             "  massif      ms_print, massif-visualizer\n"
             "  csv         the lines, for a spreadsheet\n"
             "  json        all stacks, for a program",
    .options = options,
    .examples = {{"--format pprof -o heap.pb.gz", "then: go tool pprof -http=: heap.pb.gz"},
                 {"--format folded --by peak list -o list.folded",
                  "then: flamegraph.pl list.folded >list.svg"}},
    .most = 1,
};

static int write_file(const struct report *report, const struct run *run, const struct export_format *format)
{
    struct profile profile = {0};
    struct output output;
    int64_t size = 0;
    int status = output_open(report, file, format->binary, &output);

    if (status != EXIT_FINE)
        return status;
    const struct profile_query query = {.run = run,
                                        .filter = &filter,
                                        .by_process = format->needs == EXPORT_PROCESSES,
                                        .histograms = format->needs == EXPORT_LIFETIMES};

    if (format->needs != EXPORT_NO_PROFILE)
        status = profile_load(report, &query, &profile);
    const struct export export = {report, run, &filter, &profile, by, output.file, NULL};

    if (status == EXIT_FINE)
        status = format->write(&export);
    status = output_close(report, &output, status, &size);
    profile_free(&profile);
    if (status == EXIT_FINE) {
        output_say(report, &output, &run, 1, format->name, &filter, size);
        if (output.path != NULL)
            report_hint(report, "\nNext: %s", format->next);
    }
    return status;
}

/* The other formats contain values of each stack, or of the whole, that are known for whole runs only. */
static int check_part(const struct report *report, const struct run *run)
{
    const char *name = format_names[format];

    if (!run->window.set || strcmp(name, "folded") == 0 || strcmp(name, "speedscope") == 0)
        return EXIT_FINE;
    return report_error(
        report, EXIT_USAGE,
        "a part of a run can be written as folded or speedscope only: %s holds the peak, too.", name);
}

int command_export(struct report *report, int argc, char **argv)
{
    struct run run = {0};
    int operands, status = args_parse(report, &manual_export, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    if (format == NO_FORMAT)
        return report_error(report, EXIT_USAGE,
                            "--format says what to write; see: trace-report export --help");
    status = report_open(report);
    if (status == EXIT_FINE)
        status = run_find_window(report, operands > 0 ? argv[1] : NULL, &run);
    if (status == EXIT_FINE)
        status = filter_prepare(report, &filter, &run, by);
    if (status == EXIT_FINE)
        status = check_part(report, &run);
    if (status == EXIT_FINE)
        status = write_file(report, &run, &export_formats[format]);
    filter_free(&filter);
    run_free(&run);
    return status;
}
