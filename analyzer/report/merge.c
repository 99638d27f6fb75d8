/* merge.c - trace-report merge: copies the runs of another database into this one. */
#include "args.h"
#include "commands.h"
#include "change.h"
#include "text.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

static const char *label;

static const struct option_spec options[] = {
    {"label", OPTION_TEXT, &label, "LABEL", "call the merged runs so, instead of what they are called", NULL},
    {0},
};

const struct manual manual_merge = {
    .operands = "FILE [RUN...]",
    .about =
        "Copies the runs of another database, or those that are named, into this one (--db), which is made "
        "if\n"
        "need be. Runs that are here already are left out, and so are those that are still being recorded.",
    .options = options,
    .examples = {{"ci/trace.db", "all runs of that file into ./trace.db"},
                 {"main.db list --label before", "its latest run 'list', to compare with one of ours"}},
    .most = -1,
};

/* The other database has a struct report of its own. */
struct merge {
    struct report *report, other;
    struct store *store; /* the database that is written */
    size_t merged, known, unfinished;
    struct json json;
};

static int is_same_file(const char *a, const char *b)
{
    struct stat x, y;

    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_dev == y.st_dev && x.st_ino == y.st_ino;
}

/* True if the run is here already. A run is identified by when it began, its collector, and its exact
 * length and totals; not by its label, which may have been changed. */
static int is_known(struct merge *merge, int64_t run, int *known)
{
#define IDENTITY "started, command, wall_ns, allocations, bytes, collector_pid, collector_start"
    sqlite3 *db = store_handle(merge->store);
    sqlite3_stmt *there = report_prepare(&merge->other, "SELECT " IDENTITY " FROM run WHERE id = ?"),
                 *here = NULL;
    int status = EXIT_FINE, result = SQLITE_ERROR;

    if (there == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(there, 1, run);
    if (report_step(&merge->other, there, &status))
        result = sqlite3_prepare_v2(db, "SELECT 1 FROM run WHERE (" IDENTITY ") IS (?, ?, ?, ?, ?, ?, ?)", -1,
                                    &here, NULL);
    for (int i = 0; i < 7 && result == SQLITE_OK; i++)
        result = sqlite3_bind_value(here, i + 1, sqlite3_column_value(there, i));
    if (result == SQLITE_OK)
        result = sqlite3_step(here);
    *known = result == SQLITE_ROW;
    if (status == EXIT_FINE && result != SQLITE_ROW && result != SQLITE_DONE)
        status = report_error(merge->report, EXIT_FAILED, "cannot read %s: %s", merge->report->db,
                              sqlite3_errmsg(db));
    sqlite3_finalize(here);
    sqlite3_finalize(there);
    return status;
}

static void tell(struct merge *merge, const struct run *run, int64_t copy)
{
    const char *name = label != NULL ? label : run->label;

    if (merge->report->json) {
        json_object(&merge->json, NULL);
        json_number(&merge->json, "run", copy);
        json_text(&merge->json, "label", name);
        json_number(&merge->json, "run_before", run->number);
        json_close(&merge->json);
        return;
    }
    char *harmless = text_harmless(name);

    printf("run %lld %s (run %lld there)\n", (long long)copy, harmless, (long long)run->number);
    free(harmless);
}

static int merge_run(struct merge *merge, int64_t number)
{
    struct run run;
    int64_t copy = 0;
    int known = 0, status = run_load(&merge->other, number, &run);

    if (status == EXIT_FINE && (run.state == RUN_RECORDING || run.state == RUN_SYMBOLS)) {
        merge->unfinished++;
        run_free(&run);
        return EXIT_FINE;
    }
    if (status == EXIT_FINE)
        status = is_known(merge, number, &known);
    if (status == EXIT_FINE && known)
        merge->known++;
    if (status == EXIT_FINE && !known) {
        status = change_check(merge->report, merge->store,
                              store_run_copy(merge->store, merge->other.sql, number, &copy));
        if (status == EXIT_FINE && label != NULL)
            status = change_check(merge->report, merge->store, store_run_rename(merge->store, copy, label));
        if (status == EXIT_FINE) {
            tell(merge, &run, copy);
            merge->merged++;
        }
    }
    run_free(&run);
    return status;
}

/* Copies the oldest run first, so that the order of runs stays the same. */
static int merge_all(struct merge *merge)
{
    int64_t *numbers;
    size_t count;
    int status = run_numbers(&merge->other, NULL, &numbers, &count);

    for (size_t i = count; i-- > 0 && status == EXIT_FINE;)
        status = merge_run(merge, numbers[i]);
    free(numbers);
    return status;
}

static int merge_named(struct merge *merge, int count, char **names)
{
    int status = EXIT_FINE;

    for (int i = 0; i < count && status == EXIT_FINE; i++) {
        struct run run;

        status = run_find(&merge->other, names[i], &run);
        if (status == EXIT_FINE)
            status = merge_run(merge, run.number);
        run_free(&run);
    }
    return status;
}

static void print_end(struct merge *merge)
{
    if (merge->report->json) {
        json_close(&merge->json);
        json_number(&merge->json, "known", (int64_t)merge->known);
        json_number(&merge->json, "unfinished", (int64_t)merge->unfinished);
        json_end(&merge->json);
        return;
    }
    if (merge->known > 0)
        printf("%zu run%s here already\n", merge->known, merge->known == 1 ? " was" : "s were");
    if (merge->unfinished > 0)
        printf("%zu run%s still being recorded, and left out\n", merge->unfinished,
               merge->unfinished == 1 ? " is" : "s are");
    if (merge->merged + merge->known + merge->unfinished == 0)
        printf("There is no run to merge.\n");
}

int command_merge(struct report *report, int argc, char **argv)
{
    struct merge merge = {.report = report};
    int operands, status = args_parse(report, &manual_merge, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    if (operands == 0)
        return report_error(report, EXIT_USAGE, "name the database whose runs are merged into %s",
                            report->db);
    if (is_same_file(argv[1], report->db))
        return report_error(report, EXIT_USAGE, "%s cannot be merged into itself.", argv[1]);
    if (label != NULL && (*label == '\0' || label[strspn(label, "0123456789")] == '\0'))
        return report_error(report, EXIT_USAGE, "a label is not empty, and not of digits only.");
    merge.other = *report;
    merge.other.db = argv[1];
    status = report_open(&merge.other);
    if (status == EXIT_FINE)
        status = change_begin(report, report->db, &merge.store);
    if (report->json && status == EXIT_FINE) {
        json_begin(&merge.json, stdout, "libtrace.merge/1");
        json_array(&merge.json, "runs");
    }
    if (status == EXIT_FINE)
        status = operands > 1 ? merge_named(&merge, operands - 1, argv + 2) : merge_all(&merge);
    if (status == EXIT_FINE)
        print_end(&merge);
    status = change_end(report, merge.store, status, 0);
    report_close(&merge.other);
    return status;
}
