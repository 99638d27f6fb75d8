/* browse.c - trace-report browse: an interactive view of a run in the terminal. */
#include "browse.h"
#include "commands.h"
#include "kind.h"
#include "pager.h"
#include "screen.h"
#include "source_file.h"

#include <signal.h>
#include <stdlib.h>

static int by = -1; /* default: the peak; for a part of a run, bytes */
static struct filter filter;

static const struct option_spec options[] = {
    {"by", OPTION_MEASURE, &by, NULL, "what is counted (default: peak; of a part of a run: bytes)", NULL},
    KIND_OPTION,
    SOURCE_OPTION,
    FILTER_OPTIONS(filter),
    FILTER_MOMENTS(filter),
    {0},
};

const struct manual manual_browse = {
    .operands = "[RUN]",
    .about = "Shows a run on the terminal, to walk in: from its lines and functions to who calls them, to "
             "their source, and\n"
             "its heap over time. Enter goes deeper, Escape back, / searches, s sorts by another measure, ? "
             "lists all keys, q\n"
             "leaves. A run that is still recorded is looked at again each second; the selected line stays "
             "selected.",
    .options = options,
    .examples = {{"", "the latest run, be it finished or not"},
                 {"list --by live", "what run 'list' never freed, the largest first"},
                 {"--mine --from loaded", "one's own lines, from a mark on"}},
    .most = 1,
};

/* Ends by the same signal that asked to end, now that the terminal is restored. */
static void end_by(int number)
{
    if (number == 0 || number == SIGINT) /* Ctrl-C quits like q */
        return;
    signal(number, SIG_DFL);
    raise(number);
}

static int show(struct report *report, const char *which)
{
    struct browse browse = {.report = report, .filter = &filter, .age = 1};
    int status = report_open(report);

    /* Everything that can be slow or fail comes before the screen is taken, so that errors are printed as
     * usual. */
    if (status == EXIT_FINE)
        status = run_find_window(report, which, &browse.run);
    browse.by = filter_measure(&filter, &browse.run, by, MEASURE_bytes);
    if (status == EXIT_FINE)
        status = filter_prepare(report, &filter, &browse.run, browse.by);
    report_close(report);
    if (status == EXIT_FINE)
        status = screen_begin(report);
    if (status == EXIT_FINE) {
        report->hints = 0;
        report->watching = 1;
        walk(&browse);
        screen_end();
    }
    filter_free(&filter);
    run_free(&browse.run);
    return status;
}

int command_browse(struct report *report, int argc, char **argv)
{
    int operands, status = args_parse(report, &manual_browse, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    if (report->json)
        return report_error(report, EXIT_USAGE,
                            "it is a screen for people; for programs: trace-report top --json");
    pager_leave(report);
    status = screen_check(report);
    if (status != EXIT_FINE)
        return status;
    status = show(report, operands > 0 ? argv[1] : NULL);
    end_by(screen_ending());
    return status;
}
