/* html.c - trace-report html: writes a run, or two side by side, as a page for a browser. */
#include "commands.h"
#include "kind.h"
#include "open_page.h"
#include "page.h"
#include "output.h"
#include "source.h"
#include "source_file.h"
#include "suppressed.h"
#include "text.h"
#include "type_boxes.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int by = MEASURE_peak_bytes, no_source, all_frames, open_it;
static const char *file;
static struct filter filter;

static const struct option_spec options[] = {
    {"by", OPTION_MEASURE, &by, NULL, "what is shown first (default: peak); the page can switch", NULL},
    KIND_OPTION,
    {"no-source", OPTION_FLAG, &no_source, NULL,
     "leave the text of source lines out, for pages that are passed on", NULL},
    {"all-frames", OPTION_FLAG, &all_frames, NULL,
     "stacks with frames of the runtime and of libraries' insides", NULL},
    TYPE_BOXES_OPTION,
    SUPPRESSED_OPTION,
    SOURCE_OPTION,
    {"open", OPTION_FLAG, &open_it, NULL, "in a browser: BROWSER's, or xdg-open's", NULL},
    {"o", OPTION_TEXT, &file, "FILE", "where to (default: report.html; '-': stdout)", NULL},
    FILTER_OPTIONS(filter),
    {0},
};

const struct manual manual_html = {
    .operands = "[RUN [RUN2]]",
    .about =
        "Writes a page that needs nothing but a browser: memory over time, the lines, flame graphs, sizes "
        "and\n"
        "lifetimes. Of two runs: what changed from the first to the second. RUN is a number or a label; the\n"
        "latest run if there is none.",
    .options = options,
    .examples = {{"--open", "the latest run, in the browser"},
                 {"list stream -o compare.html", "from run 'list' to run 'stream'"}},
    .most = 2,
    .whole = "the page has the whole run. Drag over its curve to narrow lines and stacks to a part of it; or "
             "take timeline, top or tree.",
};

static void say_where(const struct output *output)
{
    char *path = text_harmless(output->path);

    fprintf(stderr, "trace-report: nothing here opens it (BROWSER, xdg-open); it is in %s\n", path);
    free(path);
}

static int write_page(const struct report *report, const struct run *const *runs, int count)
{
    struct output output;
    int64_t size = 0;
    int status = output_open(report, file != NULL ? file : "report.html", 0, &output);

    if (status != EXIT_FINE)
        return status;
    status = output_close(report, &output,
                          page_write(report, runs, count, &filter, by, !no_source, all_frames, output.file),
                          &size);
    if (status == EXIT_FINE) {
        output_say(report, &output, runs, count, "html", &filter, size);
        source_hint(report);
        if (output.path != NULL && !open_it)
            report_hint(report, "\nNext: open it in a browser (--open)");
        else if (output.path != NULL && !open_page(output.path))
            say_where(&output);
    }
    return status;
}

int command_html(struct report *report, int argc, char **argv)
{
    struct run runs[2] = {0};
    const struct run *all[] = {&runs[0], &runs[1]};
    int operands, status = args_parse(report, &manual_html, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    if (html_page[0] == '\0')
        return report_error(report, EXIT_FAILED, "this trace-report was built without the page: %s",
                            html_page_missing);
    if (open_it && file != NULL && strcmp(file, "-") == 0)
        return report_error(report, EXIT_USAGE, "--open needs a file: -o FILE");
    int count = operands < 2 ? 1 : 2;

    status = report_open(report);
    for (int i = 0; i < count && status == EXIT_FINE; i++)
        status = run_find(report, operands > 0 ? argv[1 + i] : NULL, &runs[i]);
    if (status == EXIT_FINE)
        status = filter_prepare_all(report, &filter, all, count);
    if (status == EXIT_FINE)
        status = write_page(report, all, count);
    filter_free(&filter);
    run_free(&runs[0]);
    run_free(&runs[1]);
    return status;
}
