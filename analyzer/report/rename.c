/* rename.c - trace-report rename: gives a run another label. */
#include "args.h"
#include "commands.h"
#include "change.h"
#include "text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int all;

static const struct option_spec options[] = {
    {"all", OPTION_FLAG, &all, NULL, "all runs of that label, not only the latest", NULL},
    {0},
};

const struct manual manual_rename = {
    .operands = "RUN LABEL",
    .about = "Gives a run another label. RUN is a number, or a label: the latest run that has it.",
    .options = options,
    .examples = {{"3 before", "run 3 is called 'before' from now on"},
                 {"--all list lists", "all runs labelled 'list'"}},
    .most = 2,
};

static int check_operands(const struct report *report, int operands, char **argv)
{
    if (operands < 2)
        return report_error(report, EXIT_USAGE,
                            "rename takes a run and its new label: trace-report rename 3 before");
    if (*argv[2] == '\0')
        return report_error(report, EXIT_USAGE, "a label cannot be empty.");
    if (argv[2][strspn(argv[2], "0123456789")] == '\0')
        return report_error(report, EXIT_USAGE, "a label of digits only would be taken for a run's number.");
    return EXIT_FINE;
}

static int write_label(const struct report *report, const int64_t *numbers, size_t count, const char *label)
{
    struct store *store = NULL;
    int status = change_begin(report, report->db, &store);

    for (size_t i = 0; i < count && status == EXIT_FINE; i++)
        status = change_check(report, store, store_run_rename(store, numbers[i], label));
    return change_end(report, store, status, 0);
}

static void print_result(const struct report *report, const struct run *run, size_t count, const char *label)
{
    struct json json;

    if (report->json) {
        json_begin(&json, stdout, "libtrace.rename/1");
        json_number(&json, "runs", (int64_t)count);
        json_text(&json, "before", run->label);
        json_text(&json, "label", label);
        json_end(&json);
        return;
    }
    char *before = text_harmless(run->label), *after = text_harmless(label);

    if (count == 1)
        printf("run %lld %s is now %s\n", (long long)run->number, before, after);
    else
        printf("%zu runs %s are now %s\n", count, before, after);
    free(before);
    free(after);
}

int command_rename(struct report *report, int argc, char **argv)
{
    struct run run = {0};
    int64_t *numbers = NULL;
    size_t count = 1;
    int operands, status = args_parse(report, &manual_rename, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    status = check_operands(report, operands, argv);
    if (status == EXIT_FINE)
        status = report_open(report);
    if (status == EXIT_FINE)
        status = run_find(report, argv[1], &run);
    if (status == EXIT_FINE && all)
        status = run_numbers(report, run.label, &numbers, &count);
    report_close(report);
    if (status == EXIT_FINE)
        status = write_label(report, all ? numbers : &run.number, count, argv[2]);
    if (status == EXIT_FINE)
        print_result(report, &run, count, argv[2]);
    free(numbers);
    run_free(&run);
    return status;
}
