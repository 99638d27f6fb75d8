/* check.c - trace-report check: limits for CI jobs. Prints one line for each limit that is exceeded, with
 * the program's lines that caused it, or a single line if all is fine. */
#define _GNU_SOURCE
#include "args.h"
#include "commands.h"
#include "check_advice.h"
#include "check_lines.h"
#include "check_rss.h"
#include "sampling.h"
#include "source_file.h"
#include "text.h"
#include "units.h"

#include <math.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static int64_t most[MEASURES] = {[0 ... MEASURES - 1] = -1}; /* -1 = no limit */
static int64_t most_resident = -1;
static const char *baseline, *advice_rules;
static double tolerance = 0.05;
static int annotations; /* enum below */
enum { ANNOTATIONS_AUTO, ANNOTATIONS_GITHUB, ANNOTATIONS_NONE };
static const char *const annotation_names[] = {"auto", "github", "none", NULL};
static struct filter filter;

static const struct option_spec options[] = {
    {"max-peak", OPTION_BYTES, &most[MEASURE_peak_bytes], "BYTES", "what may be held at once: 50MiB", NULL},
    {"max-live", OPTION_BYTES, &most[MEASURE_live_bytes], "BYTES", "what may be live at the end", NULL},
    {"max-bytes", OPTION_BYTES, &most[MEASURE_bytes], "BYTES", "what may be allocated in all", NULL},
    {"max-allocations", OPTION_NUMBER, &most[MEASURE_allocations], "N", "allocations in all", NULL},
    {"max-temporary", OPTION_NUMBER, &most[MEASURE_temporary], "N", "temporary allocations", NULL},
    {"max-rss", OPTION_BYTES, &most_resident, "BYTES", "the resident size, where it was highest", NULL},
    {"advice", OPTION_TEXT, &advice_rules, "RULES",
     "nothing that advise is certain of or finds likely: rules with commas between, or all", NULL},
    SUPPRESSED_OPTION,
    {"against", OPTION_TEXT, &baseline, "BASELINE",
     "no more than another run: number, label, or database file", NULL},
    {"tolerance", OPTION_SHARE, &tolerance, "SHARE", "that may be more than the baseline (default: 5%)",
     NULL},
    {"annotations", OPTION_CHOICE, &annotations, NULL,
     "annotate lines, on stderr (default: where GITHUB_ACTIONS is true)", annotation_names},
    SOURCE_OPTION,
    FILTER_OPTIONS(filter),
    FILTER_MOMENTS(filter),
    {0},
};

const struct manual manual_check = {
    .operands = "[RUN]",
    .about =
        "Checks a run against limits, for CI jobs: exit status 3 and a line for each limit that is exceeded; "
        "0 and\n"
        "one line where all are kept. Against a BASELINE, all five totals are compared; of a database file, "
        "the\n"
        "latest run of the same label, or else the latest. With filters the limits are for what passes "
        "them.\n"
        "In a sampled run, a limit is exceeded where the estimate is above it by two standard errors.\n"
        "Below a limit are the lines that grew most, or without a baseline those that have most.",
    .options = options,
    .examples = {{"--max-peak 50MiB --max-live 1MiB", "limits in absolute numbers"},
                 {"--max-rss 500MiB --advice all",
                  "what the system sees of it; and no line that could be better"},
                 {"--against main.db --tolerance 2%", "no more than the run that another branch left"}},
    .most = 1,
};

/* What can be limited, in the order in which it is shown. */
static const enum measure limited[] = {MEASURE_peak_bytes, MEASURE_live_bytes, MEASURE_bytes,
                                       MEASURE_allocations, MEASURE_temporary};
#define LIMITED (sizeof limited / sizeof limited[0])

/* One limit: absolute, or from the baseline. */
struct limit {
    enum measure measure;
    int64_t value, limit;
    double variance; /* of their difference, in sampled runs */
    int from_baseline;
    int64_t base;             /* the baseline's value, without the tolerance */
    struct check_lines lines; /* only if it is exceeded */
};

/* A run with its lines. If it is in another file, that is opened with a struct report of its own. */
struct checked {
    struct report other; /* .store is NULL if the run is in our file */
    struct run run;
    struct store_measures m;
    struct variances v;
    struct lines lines;
};

struct verdict {
    struct limit limits[2 * LIMITED];
    size_t count, exceeded;
    struct check_rss rss; /* if that limit was given */
    struct check_advice advice;
    char *against; /* the baseline's name, NULL = none */
    struct checked now, base;
};

/* ---- the baseline ---------------------------------------------------------------------------- */

/* Gets the run's totals and lines, or what of them passes the filter. */
static int totals(struct report *report, struct checked *checked)
{
    struct store_measures *m = &checked->m;
    const struct lines_query query = {.run = &checked->run, .by = MEASURE_bytes, .filter = &filter};

    filter_free(&filter);
    int status = filter_prepare(report, &filter, &checked->run, MEASURE_bytes);

    if (status == EXIT_FINE)
        status = lines_totals(report, &checked->run, &filter, m, &checked->v);
    if (status == EXIT_FINE)
        status = lines_read(report, &query, &checked->lines);
    if (status == EXIT_FINE && m->peak_bytes < 0 && most[MEASURE_peak_bytes] >= 0)
        status =
            report_error(report, EXIT_USAGE,
                         "how high the heap was is known from mark to mark, and of all lines together only: "
                         "--max-peak cannot be checked here.");
    return status;
}

static int must_be_complete(const struct report *report, const struct run *run)
{
    if (run->state == RUN_COMPLETE)
        return EXIT_FINE;
    return report_error(report, EXIT_FAILED, "run %lld of %s is %s: its numbers are not %s",
                        (long long)run->number, report->db, run_states[run->state],
                        run->state == RUN_INCOMPLETE ? "whole" : "final");
}

/* The latest run of that label (NULL = any) other than `except`; 0 = there is none. */
static int latest(struct report *report, const char *label, int64_t except, int64_t *number)
{
    int64_t *numbers;
    size_t count;
    int status = run_numbers(report, label, &numbers, &count);

    *number = 0;
    for (size_t i = 0; i < count && *number == 0; i++)
        if (numbers[i] != except)
            *number = numbers[i];
    free(numbers);
    return status;
}

static int load_baseline(struct report *report, int64_t number, struct verdict *verdict)
{
    struct run *base = &verdict->base.run;
    int status = number != 0 ? run_try(report, number, base) : EXIT_FAILED;

    if (status != EXIT_FINE)
        return report_error(report, status, "there is no other run '%s' in %s, and no database of that name",
                            baseline, report->db);
    status = must_be_complete(report, base);
    if (status == EXIT_FINE)
        status = totals(report, &verdict->base);
    if (status == EXIT_FINE)
        verdict->against = text_make("run %lld %s", (long long)number, base->label);
    return status;
}

static int baseline_of_file(const struct report *report, const char *label, struct verdict *verdict)
{
    struct report *other = &verdict->base.other;
    int64_t number;

    *other = *report;
    other->db = baseline;
    other->store = NULL;
    other->sql = NULL;
    int status = report_open(other);

    if (status == EXIT_FINE)
        status = latest(other, label, 0, &number);
    if (status == EXIT_FINE && number == 0)
        status = latest(other, NULL, 0, &number);
    if (status == EXIT_FINE && number == 0)
        status = report_error(report, EXIT_FAILED, "%s holds no run to check against", baseline);
    if (status == EXIT_FINE)
        status = load_baseline(other, number, verdict);
    return status;
}

/* A number or label in this database takes precedence over a file of that name. */
static int find_baseline(struct report *report, struct verdict *verdict)
{
    const struct run *run = &verdict->now.run;
    int64_t number = 0;
    int status = EXIT_FINE;

    if (baseline[strspn(baseline, "0123456789")] == '\0')
        number = strtoll(baseline, NULL, 10);
    else
        status = latest(report, baseline, run->number, &number);
    if (status == EXIT_FINE && number == 0 && access(baseline, F_OK) == 0)
        status = baseline_of_file(report, run->label, verdict);
    else if (status == EXIT_FINE)
        status = load_baseline(report, number, verdict);
    return status;
}

/* ---- the verdict ------------------------------------------------------------------------------ */

/* A value above its limit that the sampling of a run may explain is not held against it. */
static bool within_noise(const struct limit *l)
{
    return l->value > l->limit && variances_explain((double)l->value - (double)l->limit, l->variance, 0);
}

static bool exceeded(const struct limit *l)
{
    return l->value > l->limit && !within_noise(l);
}

static void add_limit(struct verdict *verdict, struct limit limit)
{
    verdict->limits[verdict->count++] = limit;
    verdict->exceeded += exceeded(&limit);
}

static int64_t tolerated(int64_t before)
{
    double limit = (double)before * (1 + tolerance) + 1e-6; /* 5 % of 20 must be 1, in spite of rounding */

    return limit < 9e18 ? (int64_t)limit : INT64_MAX;
}

/* Finds the lines that caused each limit to be exceeded. */
static int find_lines(const struct report *report, struct verdict *verdict)
{
    struct checked *now = &verdict->now, *base = &verdict->base;
    const struct side before = {.runs = &base->run,
                                .count = 1,
                                .report = base->other.store != NULL ? &base->other : NULL,
                                .lines = &base->lines},
                      after = {.runs = &now->run, .count = 1, .lines = &now->lines};
    int status = EXIT_FINE;

    for (size_t i = 0; i < verdict->count && status == EXIT_FINE; i++) {
        struct limit *l = &verdict->limits[i];

        if (exceeded(l) && l->from_baseline)
            status = check_lines_grown(report, &before, &after, l->measure, &l->lines);
        else if (exceeded(l))
            check_lines_largest(&now->lines, l->measure, &l->lines);
    }
    return status;
}

static int judge(struct report *report, struct verdict *verdict)
{
    const struct store_measures *now = &verdict->now.m, *base = &verdict->base.m;
    int status = must_be_complete(report, &verdict->now.run);

    if (status == EXIT_FINE && baseline != NULL)
        status = find_baseline(report, verdict);
    if (status == EXIT_FINE)
        status = totals(report, &verdict->now);
    for (size_t i = 0; i < LIMITED && status == EXIT_FINE; i++) {
        enum measure measure = limited[i];
        int64_t value = measure_value(now, measure), before;

        if (most[measure] >= 0)
            add_limit(verdict, (struct limit){.measure = measure,
                                              .value = value,
                                              .limit = most[measure],
                                              .variance = verdict->now.v.of[measure]});
        if (baseline == NULL ||
            (measure == MEASURE_peak_bytes && (now->peak_bytes < 0 || base->peak_bytes < 0)))
            continue;
        before = measure_value(base, measure);
        add_limit(verdict,
                  (struct limit){.measure = measure,
                                 .value = value,
                                 .limit = tolerated(before),
                                 .variance = verdict->now.v.of[measure] +
                                             (1 + tolerance) * (1 + tolerance) * verdict->base.v.of[measure],
                                 .from_baseline = 1,
                                 .base = before});
    }
    if (status == EXIT_FINE && most_resident >= 0) {
        status = check_rss_read(report, &verdict->now.run, &filter, most_resident, &verdict->rss);
        verdict->exceeded += (size_t)check_rss_exceeded(&verdict->rss);
    }
    if (status == EXIT_FINE && verdict->advice.asked) {
        status = check_advice_read(report, &verdict->now.run, &filter, &verdict->advice);
        verdict->exceeded += check_advice_exceeded(&verdict->advice);
    }
    return status == EXIT_FINE && verdict->exceeded > 0 ? find_lines(report, verdict) : status;
}

/* ---- showing --------------------------------------------------------------------------------- */

static char *amount(const struct report *report, char *out, enum measure measure, int64_t value)
{
    return measures[measure].is_bytes ? units_bytes(out, value, report->bytes) : units_count(out, value);
}

/* Shows value and limit as plain numbers if they would look the same when rounded. */
static void amounts(const struct report *report, const struct limit *l, int64_t limit, char *value,
                    char *text)
{
    struct report plain = *report;

    amount(report, value, l->measure, l->value);
    amount(report, text, l->measure, limit);
    if (strcmp(value, text) != 0)
        return;
    plain.bytes = 1;
    strcat(amount(&plain, value, l->measure, l->value), measures[l->measure].is_bytes ? " B" : "");
    strcat(amount(&plain, text, l->measure, limit), measures[l->measure].is_bytes ? " B" : "");
}

/* Prints the rest of the line, after the name of the limit. */
static void say_exceeded(FILE *out, const struct report *report, const struct limit *l, const char *against)
{
    char value[UNITS_SIZE], limit[UNITS_SIZE], base[UNITS_SIZE];

    if (!l->from_baseline) {
        amounts(report, l, l->limit, value, limit);
        fprintf(out, ": %s, the limit is %s", value, limit);
        if (l->limit > 0)
            fprintf(out, " (%+.1f %%)", 100 * ((double)l->value / (double)l->limit - 1));
    } else {
        amounts(report, l, l->base, value, base);
        fprintf(out, ": %s, %s has %s", value, against, base);
        if (l->base > 0)
            fprintf(out, " (%+.1f %%, %g %% tolerated)", 100 * ((double)l->value / (double)l->base - 1),
                    100 * tolerance);
    }
}

static void print_exceeded(const struct report *report, const struct run *run, const struct limit *l,
                           const char *against)
{
    printf("%s%s%s", report_color(report, "red"), measures[l->measure].called, report_color(report, "reset"));
    say_exceeded(stdout, report, l, against);
    putchar('\n');
    check_lines_print(report, run, l->measure, &l->lines);
}

/* The standard error of what lies between value and limit. */
static int64_t error(const struct limit *l)
{
    return (int64_t)fmin(sqrt(l->variance), 9e18);
}

static void print_within_noise(const struct report *report, const struct limit *l, const char *against)
{
    char text[UNITS_SIZE];

    fputs(measures[l->measure].called, stdout);
    say_exceeded(stdout, report, l, against);
    printf(": within the noise of sampling (+-%s)\n", amount(report, text, l->measure, error(l)));
}

static void annotate(const struct report *report, const struct verdict *verdict)
{
    const char *actions = getenv("GITHUB_ACTIONS");

    if (annotations == ANNOTATIONS_NONE ||
        (annotations == ANNOTATIONS_AUTO && (actions == NULL || strcmp(actions, "true") != 0)))
        return;
    for (size_t i = 0; i < verdict->count; i++) {
        const struct limit *l = &verdict->limits[i];
        char *what = NULL;
        size_t size;

        if (!exceeded(l))
            continue;
        FILE *out = open_memstream(&what, &size);

        fputs(measures[l->measure].called, out);
        say_exceeded(out, report, l, verdict->against);
        fclose(out);
        check_lines_annotate(report, l->measure, what, &l->lines);
        free(what);
    }
    if (check_rss_exceeded(&verdict->rss))
        check_rss_annotate(report, &verdict->rss);
    check_advice_annotate(report, &verdict->advice);
}

/* One line: all that was looked at. */
static void print_fine(const struct report *report, const struct verdict *verdict, const char *against)
{
    const struct run *run = &verdict->now.run;
    char value[UNITS_SIZE], limit[UNITS_SIZE], *label = text_harmless(run->label);
    const char *separator = ": ";

    printf("run %lld %s is %swithin its limits%s", (long long)run->number, label,
           report_color(report, "green"), report_color(report, "reset"));
    for (size_t i = 0; i < verdict->count; i++) {
        const struct limit *l = &verdict->limits[i];

        if (l->from_baseline)
            continue;
        printf("%s%s %s of %s", separator, measures[l->measure].called,
               amount(report, value, l->measure, l->value), amount(report, limit, l->measure, l->limit));
        separator = ", ";
    }
    if (most_resident >= 0) {
        printf("%sresident %s of %s", separator, units_bytes(value, verdict->rss.value, report->bytes),
               units_bytes(limit, most_resident, report->bytes));
        separator = ", ";
    }
    if (against != NULL) {
        printf("%sno more than %s, %g %% tolerated", separator, against, 100 * tolerance);
        separator = ", ";
    }
    if (verdict->advice.asked) {
        fputs(separator, stdout);
        check_advice_fine(&verdict->advice);
    }
    putchar('\n');
    free(label);
}

static void print_text(const struct report *report, const struct verdict *verdict)
{
    const struct run *run = &verdict->now.run;
    char *against = verdict->against != NULL ? text_harmless(verdict->against) : NULL;

    for (size_t i = 0; i < verdict->count; i++)
        if (exceeded(&verdict->limits[i]))
            print_exceeded(report, run, &verdict->limits[i], against);
        else if (within_noise(&verdict->limits[i]))
            print_within_noise(report, &verdict->limits[i], against);
    if (check_rss_exceeded(&verdict->rss))
        check_rss_print(report, run, &verdict->rss);
    check_advice_print(report, &verdict->advice);
    if (verdict->exceeded == 0)
        print_fine(report, verdict, against);
    if (verdict->advice.asked)
        check_advice_foot(report, &verdict->advice);
    free(against);
}

static void print_json(const struct verdict *verdict)
{
    const struct run *run = &verdict->now.run;
    struct json json;

    json_begin(&json, stdout, "libtrace.check/1");
    run_json(&json, "run", run);
    filter_json(&json, &filter, run);
    json_text(&json, "against", verdict->against);
    json_real(&json, "tolerance", tolerance);
    json_true(&json, "within_limits", verdict->exceeded == 0);
    json_array(&json, "limits");
    for (size_t i = 0; i < verdict->count; i++) {
        const struct limit *l = &verdict->limits[i];

        json_object(&json, NULL);
        json_text(&json, "measure", measures[l->measure].name);
        json_number(&json, "value", l->value);
        json_number(&json, "limit", l->limit);
        if (l->from_baseline)
            json_number(&json, "baseline", l->base);
        json_true(&json, "exceeded", exceeded(l));
        if (sampling_is_on(run) || sampling_is_on(&verdict->base.run)) {
            json_number(&json, "error", error(l));
            json_true(&json, "within_noise", within_noise(l));
        }
        if (exceeded(l))
            check_lines_json(&json, &l->lines);
        json_close(&json);
    }
    if (most_resident >= 0)
        check_rss_json(&json, &verdict->rss);
    json_close(&json);
    if (verdict->advice.asked)
        check_advice_json(&json, &verdict->advice);
    json_end(&json);
}

static int has_limit(void)
{
    int any = baseline != NULL || most_resident >= 0 || advice_rules != NULL;

    for (size_t i = 0; i < LIMITED; i++)
        any |= most[limited[i]] >= 0;
    return any;
}

int command_check(struct report *report, int argc, char **argv)
{
    struct verdict verdict = {0};
    int operands, status = args_parse(report, &manual_check, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    if (!has_limit())
        return report_error(report, EXIT_USAGE, "there is no limit to check; see: trace-report check --help");
    status = advice_rules != NULL ? check_advice_choose(report, advice_rules, &verdict.advice) : EXIT_FINE;
    if (status == EXIT_FINE)
        status = report_open(report);
    if (status == EXIT_FINE)
        status = run_find_window(report, operands > 0 ? argv[1] : NULL, &verdict.now.run);
    if (status == EXIT_FINE)
        status = judge(report, &verdict);
    if (status == EXIT_FINE && report->json)
        print_json(&verdict);
    else if (status == EXIT_FINE)
        print_text(report, &verdict);
    if (status == EXIT_FINE)
        annotate(report, &verdict);
    if (status == EXIT_FINE && verdict.exceeded > 0)
        status = EXIT_LIMIT;
    free(verdict.against);
    check_rss_free(&verdict.rss);
    check_advice_free(&verdict.advice);
    filter_free(&filter);
    lines_free(&verdict.now.lines);
    lines_free(&verdict.base.lines);
    run_free(&verdict.now.run);
    run_free(&verdict.base.run);
    if (verdict.base.other.store != NULL)
        report_close(&verdict.base.other);
    return status;
}
