/* runs.c - trace-report runs: lists the runs in the database. */
#include "args.h"
#include "commands.h"
#include "missing.h"
#include "run.h"
#include "sampling.h"
#include "table.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int64_t limit;

static const struct option_spec options[] = {
    {"limit", OPTION_NUMBER, &limit, "N", "only the latest N runs (default: all)", NULL},
    {0},
};

const struct manual manual_runs = {
    .operands = "[LABEL]",
    .about = "Lists the runs in the database, the latest last; with a LABEL, its runs.",
    .options = options,
    .examples = {{"", "all runs in ./trace.db"}, {"list --json", "the runs labelled 'list', for a program"}},
    .most = 1,
};

static void columns(struct table *table)
{
    table_column(table, "RUN", TABLE_RIGHT);
    table_column(table, "LABEL", TABLE_SHRINK);
    table_column(table, "STARTED (UTC)", TABLE_SPARE);
    table_column(table, "WALL", TABLE_RIGHT | TABLE_SPARE);
    table_column(table, "STATE", TABLE_SPARE);
    table_column(table, "EXIT", TABLE_RIGHT | TABLE_SPARE);
    table_column(table, "ALLOCATIONS", TABLE_RIGHT);
    table_column(table, "BYTES", TABLE_RIGHT);
    table_column(table, "PEAK", TABLE_RIGHT);
    table_column(table, "LIVE", TABLE_RIGHT);
    table_column(table, "COMMAND", TABLE_SHRINK | TABLE_EXTRA);
}

static void row(const struct report *report, struct table *table, const struct run *run)
{
    char out[UNITS_SIZE], started[20], state[32];

    /* 2026-06-01T12:00:00Z is shown without T and Z. */
    snprintf(started, sizeof started, "%.19s", run->started);
    for (char *p = started; *p != '\0'; p++)
        if (*p == 'T')
            *p = ' ';
    table_row(table, NULL);
    snprintf(out, sizeof out, "%lld", (long long)run->number);
    table_cell(table, out);
    table_cell_color(table, run->state != RUN_COMPLETE                     ? "yellow"
                            : run->t.exit_known && run->t.exit_status != 0 ? "red"
                                                                           : NULL);
    table_cell(table, run->label);
    table_cell(table, started);
    table_cell(table, units_seconds(out, (double)run->t.wall_ns / 1e9));
    snprintf(state, sizeof state, "%s%s", run_states[run->state], sampling_is_on(run) ? ", sampled" : "");
    table_cell(table, state);
    table_cell_color(table, run->state == RUN_COMPLETE ? NULL : "yellow");
    table_cell(table, run->t.exit_known ? units_exit(out, run->t.exit_status) : "?");
    table_cell_color(table, run->t.exit_known && run->t.exit_status != 0 ? "red" : NULL);
    table_cell(table, units_count(out, run->t.m.allocations));
    table_cell(table, units_bytes(out, run->t.m.bytes, report->bytes));
    table_cell(table, units_bytes(out, run->t.m.peak_bytes, report->bytes));
    table_cell(table, units_bytes(out, run->t.end_bytes, report->bytes));
    table_cell(table, run->command);
}

/* Prints what the runs lack, and which are sampled, below the table. */
static int print_missing(struct report *report, const int64_t *numbers, size_t count)
{
    int status = EXIT_FINE;

    for (size_t i = count; i-- > 0 && status == EXIT_FINE;) {
        struct run run;

        status = run_load(report, numbers[i], &run);
        if (status == EXIT_FINE)
            missing_print_numbered(report, &run);
        if (status == EXIT_FINE)
            sampling_print_numbered(report, &run);
        run_free(&run);
    }
    return status;
}

/* Oldest first: the latest is next to the prompt. */
static int print(struct report *report, const int64_t *numbers, size_t count)
{
    struct table *table = table_new(report);
    struct json json;
    int status = EXIT_FINE;

    columns(table);
    if (report->json) {
        json_begin(&json, stdout, "libtrace.runs/1");
        json_array(&json, "runs");
    }
    for (size_t i = count; i-- > 0 && status == EXIT_FINE;) {
        struct run run;

        status = run_load(report, numbers[i], &run);
        if (status == EXIT_FINE && report->json)
            run_json(&json, NULL, &run);
        else if (status == EXIT_FINE)
            row(report, table, &run);
        run_free(&run);
    }
    if (report->json)
        json_end(&json);
    else if (status == EXIT_FINE)
        table_print(table);
    table_free(table);
    return status == EXIT_FINE && !report->json ? print_missing(report, numbers, count) : status;
}

int command_runs(struct report *report, int argc, char **argv)
{
    int64_t *numbers = NULL;
    size_t count = 0;
    int operands, status = args_parse(report, &manual_runs, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    status = report_open(report);
    if (status == EXIT_FINE)
        status = run_settle_all(report);
    if (status == EXIT_FINE)
        status = run_numbers(report, operands > 0 ? argv[1] : NULL, &numbers, &count);
    if (limit > 0 && (size_t)limit < count)
        count = (size_t)limit;
    if (status == EXIT_FINE && count == 0 && operands > 0)
        status = report_error(report, EXIT_FAILED, "%s has no run labelled '%s'; see: trace-report runs",
                              report->db, argv[1]);
    else if (status == EXIT_FINE && count == 0 && !report->json)
        status = report_error(report, EXIT_FAILED, "%s holds no run yet. Record one: trace-run PROGRAM",
                              report->db);
    else if (status == EXIT_FINE)
        status = print(report, numbers, count);
    if (status == EXIT_FINE && !report->json)
        report_next(report, count > 1 ? "compare" : "top", "",
                    count > 1 ? "the last two runs" : "the lines of the latest run");
    free(numbers);
    return status;
}
