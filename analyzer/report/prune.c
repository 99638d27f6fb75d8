/* prune.c - trace-report prune: removes runs, and returns their space to the file system. */
#define _GNU_SOURCE
#include "args.h"
#include "commands.h"
#include "change.h"
#include "text.h"
#include "units.h"

#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const char *older, *label;
static int64_t keep = -1;
static int dry_run;

static const struct option_spec options[] = {
    {"older", OPTION_TEXT, &older, "AGE", "runs that began longer ago: 12h, 7d, 4w", NULL},
    {"label", OPTION_TEXT, &label, "GLOB", "runs of these labels", NULL},
    {"keep", OPTION_NUMBER, &keep, "N", "all but the latest N (of those labels, with --label)", NULL},
    {"dry-run", OPTION_FLAG, &dry_run, NULL, "say what would go, and leave it", NULL},
    {0},
};

const struct manual manual_prune = {
    .operands = "[RUN...]",
    .about = "Removes runs: those that are named, or those that all given options apply to; and gives their "
             "room back\n"
             "to the file system. A run that is still being recorded is never removed.",
    .options = options,
    .examples = {{"--older 30d", "what was recorded more than 30 days ago"},
                 {"--label 'ci-*' --keep 10", "all but the latest ten runs of these labels"}},
    .most = -1,
};

struct prune {
    struct report *report;
    struct run *runs; /* the runs to remove */
    size_t count, unfinished;
};

/* ---- choosing -------------------------------------------------------------------------------- */

/* "7d" in seconds; 0 = not an age. */
static double parse_age(const char *text)
{
    static const struct {
        const char *unit;
        double seconds;
    } units[] = {{"s", 1}, {"m", 60}, {"min", 60}, {"h", 3600}, {"d", 86400}, {"w", 7 * 86400}};
    char *end;
    double value = strtod(text, &end);

    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++)
        if (end != text && strcmp(end, units[i].unit) == 0 && value > 0)
            return value * units[i].seconds;
    return 0;
}

static int is_old(const struct run *run, double age)
{
    struct tm tm = {0};

    if (strptime(run->started, "%Y-%m-%dT%H:%M:%S", &tm) == NULL)
        return 0;
    return difftime(time(NULL), timegm(&tm)) > age;
}

/* Moves *run into the list, and leaves it empty. */
static void add(struct prune *prune, struct run *run)
{
    struct run *more = realloc(prune->runs, (prune->count + 1) * sizeof *more);

    prune->runs = more;
    more[prune->count++] = *run;
    *run = (struct run){0};
}

static int lives(const struct run *run)
{
    return run->state == RUN_RECORDING || run->state == RUN_SYMBOLS;
}

static int choose_by_options(struct prune *prune)
{
    int64_t *numbers, of_label = 0;
    size_t count;
    double age = older != NULL ? parse_age(older) : 0;
    int status = run_numbers(prune->report, NULL, &numbers, &count); /* latest first */

    for (size_t i = 0; i < count && status == EXIT_FINE; i++) {
        struct run run;

        status = run_load(prune->report, numbers[i], &run);
        if (status == EXIT_FINE && (label == NULL || sqlite3_strglob(label, run.label) == 0) &&
            of_label++ >= keep && (older == NULL || is_old(&run, age))) {
            if (lives(&run))
                prune->unfinished++;
            else
                add(prune, &run);
        }
        run_free(&run);
    }
    free(numbers);
    return status;
}

static int choose_named(struct prune *prune, int count, char **names)
{
    int status = EXIT_FINE;

    for (int i = 0; i < count && status == EXIT_FINE; i++) {
        struct run run;
        int twice = 0;

        status = run_find(prune->report, names[i], &run);
        for (size_t k = 0; k < prune->count; k++)
            twice |= prune->runs[k].number == run.number;
        if (status == EXIT_FINE && lives(&run))
            status = report_error(prune->report, EXIT_FAILED,
                                  "run %lld is still being recorded: nothing was removed. Wait for its end.",
                                  (long long)run.number);
        if (status == EXIT_FINE && !twice)
            add(prune, &run);
        run_free(&run);
    }
    return status;
}

/* ---- removing -------------------------------------------------------------------------------- */

/* Size of the file and its WAL, which exists if a recording was interrupted. */
static int64_t file_size(const char *path)
{
    struct stat status, wal;
    char *beside = text_make("%s-wal", path);
    int64_t size = stat(path, &status) == 0 ? (int64_t)status.st_size : 0;

    if (stat(beside, &wal) == 0)
        size += (int64_t)wal.st_size;
    free(beside);
    return size;
}

static int remove_runs(const struct prune *prune)
{
    struct store *store = NULL;
    int status = change_begin(prune->report, prune->report->db, &store);

    for (size_t i = 0; i < prune->count && status == EXIT_FINE; i++)
        status = change_check(prune->report, store, store_run_delete(store, prune->runs[i].number));
    return change_end(prune->report, store, status, 1);
}

static void print_json(const struct prune *prune, int64_t before, int64_t after)
{
    struct json json;

    json_begin(&json, stdout, "libtrace.prune/1");
    json_true(&json, "dry_run", dry_run);
    json_array(&json, "removed");
    for (size_t i = 0; i < prune->count; i++)
        run_json(&json, NULL, &prune->runs[i]);
    json_close(&json);
    json_number(&json, "unfinished", (int64_t)prune->unfinished);
    json_number(&json, "file_bytes_before", before);
    json_number(&json, "file_bytes_after", after);
    json_end(&json);
}

static void print_text(const struct prune *prune, int64_t before, int64_t after)
{
    char a[UNITS_SIZE], b[UNITS_SIZE], c[UNITS_SIZE];

    for (size_t i = 0; i < prune->count; i++) {
        char *name = text_harmless(prune->runs[i].label);

        printf("%s run %lld %s of %.10s\n", dry_run ? "would remove" : "removed",
               (long long)prune->runs[i].number, name, prune->runs[i].started);
        free(name);
    }
    if (prune->unfinished > 0)
        printf("%zu run%s still being recorded, and kept\n", prune->unfinished,
               prune->unfinished == 1 ? " is" : "s are");
    if (prune->count == 0)
        printf("There is no run to remove.\n");
    else if (dry_run)
        printf("%zu run%s in all; the file has %s now\n", prune->count, prune->count == 1 ? "" : "s",
               units_bytes(a, before, prune->report->bytes));
    else
        printf("%zu run%s in all: %s -> %s, %s given back\n", prune->count, prune->count == 1 ? "" : "s",
               units_bytes(a, before, prune->report->bytes), units_bytes(b, after, prune->report->bytes),
               units_bytes(c, before > after ? before - after : 0, prune->report->bytes));
}

static int check_arguments(const struct report *report, int operands)
{
    int options_given = older != NULL || label != NULL || keep >= 0;

    if (operands == 0 && !options_given)
        return report_error(report, EXIT_USAGE,
                            "say which runs: by number or label, --older, --label or --keep");
    if (operands > 0 && options_given)
        return report_error(report, EXIT_USAGE, "name runs, or choose them with options: not both.");
    if (older != NULL && parse_age(older) == 0)
        return report_error(report, EXIT_USAGE, "--older takes an age (12h, 7d, 4w), not '%s'.", older);
    return EXIT_FINE;
}

int command_prune(struct report *report, int argc, char **argv)
{
    struct prune prune = {.report = report};
    int64_t before = 0;
    int operands, status = args_parse(report, &manual_prune, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    status = check_arguments(report, operands);
    if (status == EXIT_FINE)
        status = report_open(report);
    if (status == EXIT_FINE)
        status = operands > 0 ? choose_named(&prune, operands, argv + 1) : choose_by_options(&prune);
    report_close(report);
    before = file_size(report->db);
    if (status == EXIT_FINE && prune.count > 0 && !dry_run)
        status = remove_runs(&prune);
    if (status == EXIT_FINE && report->json)
        print_json(&prune, before, file_size(report->db));
    else if (status == EXIT_FINE)
        print_text(&prune, before, file_size(report->db));
    for (size_t i = 0; i < prune.count; i++)
        run_free(&prune.runs[i]);
    free(prune.runs);
    return status;
}
