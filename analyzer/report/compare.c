/* compare.c - trace-report compare: the answer in one sentence, then totals, then lines. */
#define _GNU_SOURCE
#include "args.h"
#include "commands.h"
#include "compare_rss.h"
#include "kind.h"
#include "missing.h"
#include "sampling.h"
#include "show.h"
#include "text.h"
#include "totals.h"
#include "units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIMIT 20

static int by = -1; /* default: the peak; where parts of runs are compared, what is live */
static int group;
static int64_t limit = DEFAULT_LIMIT;
static struct filter filter;
static int windows; /* only a part of some run is compared */

static const struct option_spec options[] = {
    {"by", OPTION_MEASURE, &by, NULL, "what is compared row by row (default: peak; of parts: live)", NULL},
    KIND_OPTION,
    {"group", OPTION_CHOICE, &group, NULL, "what a row is (default: line)", group_names},
    {"limit", OPTION_NUMBER, &limit, "N", "rows to show (default: 20; 0: all)", NULL},
    FILTER_OPTIONS(filter),
    FILTER_MOMENTS(filter),
    {0},
};

const struct manual manual_compare = {
    .operands = "[RUN...]",
    .about =
        "Compares runs: each with the first. RUN is a number, or a label: if several runs have it, "
        "their mean is\n"
        "compared, and their spread (standard deviation) shown. Without RUN: the last two runs.\n"
        "RUN@MARK is the run up to a mark (trace.h), as if it had ended there; RUN@A..B is what was counted "
        "from A to B.\n"
        "Both may be seconds, too. @MARK alone is of the latest run. Of sampled runs it says which "
        "differences are "
        "within\n"
        "the noise: below two standard errors.",
    .options = options,
    .examples = {{"", "the last two runs"},
                 {"list stream -g type", "two labels: of which types there are more, and where"},
                 {"list@loaded list@served", "what more is live at the second mark than at the first"}},
    .most = COMPARED_MOST,
};

static int is_whole(void)
{
    return !filter_is_set(&filter) && !windows;
}

/* ---- text ------------------------------------------------------------------------------------ */

static void print_sentence(const struct report *report, const struct compared *a, const struct compared *b)
{
    char *text = totals_sentence(report, by, a, b), *harmless = text_harmless(text);

    printf("%s%s%s\n", report_color(report, "bold"), harmless, report_color(report, "reset"));
    free(harmless);
    free(text);
}

static void name_cells(const struct run *run, struct table *table, const struct match *m)
{
    char *place = show_place(run, m->file, m->line),
         *text = place != NULL && m->line_before != m->line
                     ? text_make("%s (was :%lld)", place, (long long)m->line_before)
                     : NULL;

    show_name_cells(
        table, (enum group)group,
        &(struct show_name){text != NULL ? text : place, m->function, m->module, m->language, m->type});
    free(text);
    free(place);
}

static double change_of(const struct match *m)
{
    return fabs(measures[by].is_bytes ? m->bytes[1] - m->bytes[0] : m->count[1] - m->count[0]);
}

/* The variance of each side in the measure that is compared. */
static const double *variances_of(const struct match *m)
{
    return measures[by].is_bytes ? m->bytes_variance : m->count_variance;
}

static int within_noise(const struct match *m)
{
    double change = change_of(m);

    return change > 0 && variances_explain(change, variances_of(m)[0], variances_of(m)[1]);
}

static void state_cell(struct table *table, const struct match *m)
{
    const char *state = !m->in_first ? "new" : !m->in_second ? "gone" : "";
    char text[40];

    snprintf(text, sizeof text, "%s%s%s", state, within_noise(m) && *state != '\0' ? ", " : "",
             within_noise(m) ? "within noise" : "");
    table_cell(table, text);
    table_cell_color(table, within_noise(m) ? "dim" : !m->in_first ? "red" : "green");
}

static void print_match(const struct report *report, struct table *table, const struct run *run,
                        const struct match *m)
{
    char out[UNITS_SIZE];
    double change = m->bytes[1] - m->bytes[0], more = m->count[1] - m->count[0];
    int counts = !measures[by].is_bytes;
    double main_change = counts ? more : change;
    const char *color = within_noise(m) ? "dim" : main_change > 0 ? "red" : main_change < 0 ? "green" : NULL;
    int kind = counts ? TOTAL_COUNT : TOTAL_BYTES;

    table_row(table, NULL);
    table_cell(table, totals_number(report, out, kind, main_change, 1));
    table_cell_color(table, color);
    if (measure_has_bytes(by))
        table_cell(table,
                   counts ? units_bytes_signed(out, change, report->bytes) : units_count_signed(out, more));
    for (int side = 0; side < 2; side++) {
        table_cell(table, totals_number(report, out, kind, counts ? m->count[side] : m->bytes[side], 0));
        if (m->at_most[side])
            table_cell_before(table, "<= ");
    }
    state_cell(table, m);
    name_cells(run, table, m);
}

/* A row that changed by less than this share of all changes together is not shown, only counted. */
#define LEAST_CHANGE 0.001

/* How many rows changed enough to be shown; the rows are sorted, the largest change first. */
static size_t count_large(const struct matches *matches, size_t changed)
{
    double all = 0;
    size_t n = 0;

    for (size_t i = 0; i < changed; i++)
        all += change_of(&matches->rows[i]);
    while (n < changed && change_of(&matches->rows[n]) >= LEAST_CHANGE * all)
        n++;
    return n;
}

static void print_matches(const struct report *report, const struct compared *a, const struct compared *b,
                          const struct matches *matches)
{
    struct table *table = table_new(report);
    size_t changed = matches->count - matches->same,
           large = limit > 0 ? count_large(matches, changed) : changed,
           shown = limit > 0 && (size_t)limit < large ? (size_t)limit : large;
    char count[UNITS_SIZE];

    table_column(table, measures[measures[by].is_bytes ? MEASURE_bytes : (enum measure)by].heading,
                 TABLE_RIGHT);
    if (measure_has_bytes(by))
        table_column(table, measures[measures[by].beside].heading, TABLE_RIGHT | TABLE_AMPLE);
    table_column(table, "BEFORE", TABLE_RIGHT);
    table_column(table, "AFTER", TABLE_RIGHT);
    table_column(table, "", TABLE_EXTRA);
    show_name_columns(table, (enum group)group);
    for (size_t i = 0; i < shown; i++)
        print_match(report, table, matches->rows[i].in_second ? &b->side.runs[0] : &a->side.runs[0],
                    &matches->rows[i]);
    char *first = text_harmless(a->name), *second = text_harmless(b->name);

    printf("\n%sBy %s, %s: what changed from %s to %s%s\n", report_color(report, "bold"), group_names[group],
           measures[by].by, first, second, report_color(report, "reset"));
    free(first);
    free(second);
    if (shown > 0)
        table_print(table);
    if (changed > shown)
        printf("%s more %s%s changed%s (all: --limit 0).\n", units_count(count, (int64_t)(changed - shown)),
               group_row((enum group)group), changed - shown == 1 ? "" : "s",
               shown == large ? " by less than 0.1 %" : "");
    if (matches->same > 0)
        printf("%s %s%s did not change.\n", units_count(count, (int64_t)matches->same),
               group_row((enum group)group), matches->same == 1 ? "" : "s");
    table_free(table);
}

static void print_notes(const struct report *report, const struct compared *all, size_t count)
{
    char out[UNITS_SIZE];

    for (size_t i = 0; i < count; i++) {
        const struct side *side = &all[i].side;
        char *name = text_harmless(all[i].name);

        if (side->count > 1)
            printf("%s: mean of %zu runs\n", name, side->count);
        for (size_t k = 0; k < side->count; k++) {
            const struct store_run *t = &side->runs[k].t;

            if (t->exit_known && t->exit_status != 0)
                printf("%s%s: run %lld ended with %s%s%s\n", report_color(report, "yellow"), name,
                       (long long)side->runs[k].number, t->exit_status > 0 ? "status " : "",
                       units_exit(out, t->exit_status), report_color(report, "reset"));
            missing_print_numbered(report, &side->runs[k]);
            sampling_print_numbered(report, &side->runs[k]);
        }
        free(name);
    }
}

static int print_text(struct report *report, const struct compared *all, size_t count)
{
    int status = EXIT_FINE;

    for (size_t i = 1; i < count; i++)
        print_sentence(report, &all[0], &all[i]);
    kind_print(report);
    filter_print(report, &filter, NULL, NULL);
    print_notes(report, all, count);
    putchar('\n');
    totals_print(report, all, count, is_whole());
    for (size_t i = 1; i < count && status == EXIT_FINE && is_whole(); i++) {
        struct compare_rss rss;

        status = compare_rss_read(report, &all[0], &all[i], &rss);
        if (status == EXIT_FINE)
            compare_rss_print(report, &rss);
        compare_rss_free(&rss);
    }
    for (size_t i = 1; i < count && status == EXIT_FINE; i++) {
        struct matches matches;

        status = match_lines(report, &all[0].side, &all[i].side, (enum group)group, by, &matches);
        if (status == EXIT_FINE)
            print_matches(report, &all[0], &all[i], &matches);
        match_free(&matches);
    }
    char number[32], options[64];

    snprintf(number, sizeof number, "%lld", (long long)all[count - 1].side.runs[0].number);
    snprintf(options, sizeof options, "--by %s --stacks 1", measures[by].by);
    report->run = number;
    report_next(report, "top", options, "who called the lines of the last one");
    report->run = NULL;
    return status;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* Writes the whole run, whatever the filter selects for the comparison. */
static void json_contender(struct report *report, struct json *json, const struct compared *c)
{
    json_text(json, "name", c->name);
    json_array(json, "runs");
    for (size_t i = 0; i < c->side.count; i++) {
        struct run whole;

        if (run_load(report, c->side.runs[i].number, &whole) == EXIT_FINE)
            run_json(json, NULL, &whole);
        run_free(&whole);
    }
    json_close(json);
    if (c->side.count > 0)
        window_json(json, &c->side.runs[0]);
}

static void json_errors(struct json *json, const struct match *m)
{
    if (measure_has_bytes(by)) {
        json_real(json, "bytes_before_error", sqrt(m->bytes_variance[0]));
        json_real(json, "bytes_after_error", sqrt(m->bytes_variance[1]));
    }
    json_real(json, "allocations_before_error", sqrt(m->count_variance[0]));
    json_real(json, "allocations_after_error", sqrt(m->count_variance[1]));
    json_true(json, "within_noise", within_noise(m));
}

/* sampled: a run of the two sides is. */
static void json_match(struct json *json, const struct match *m, int sampled)
{
    int line = group == GROUP_LINE || group == GROUP_TYPE;

    json_object(json, NULL);
    if (group == GROUP_TYPE)
        json_text(json, "type", m->type);
    if (group != GROUP_MODULE)
        json_text(json, "file", m->file);
    if (line) {
        json_number(json, "line", m->line);
        json_number(json, "line_before", m->line_before);
    }
    if (line || group == GROUP_FUNCTION)
        json_text(json, "function", m->function);
    if (group != GROUP_FILE || m->file == NULL)
        json_text(json, "module", m->module);
    json_text(json, "state", !m->in_first ? "new" : !m->in_second ? "gone" : "both");
    if (measure_has_bytes(by)) {
        json_real(json, "bytes_before", m->bytes[0]);
        json_real(json, "bytes_after", m->bytes[1]);
        json_real(json, "bytes_change", m->bytes[1] - m->bytes[0]);
    }
    json_real(json, "allocations_before", m->count[0]);
    json_real(json, "allocations_after", m->count[1]);
    json_real(json, "allocations_change", m->count[1] - m->count[0]);
    if (sampled)
        json_errors(json, m);
    json_close(json);
}

static int print_json(struct report *report, const struct compared *all, size_t count)
{
    struct json json;
    int status = EXIT_FINE;

    json_begin(&json, stdout, "libtrace.compare/1");
    json_text(&json, "by", measures[by].by);
    json_text(&json, "kind", kind_names[kind_shown]);
    json_text(&json, "group", group_names[group]);
    filter_json(&json, &filter, NULL);
    json_object(&json, "first");
    json_contender(report, &json, &all[0]);
    json_close(&json);
    json_array(&json, "comparisons");
    for (size_t i = 1; i < count && status == EXIT_FINE; i++) {
        struct matches matches = {0};
        char *text = totals_sentence(report, by, &all[0], &all[i]);

        json_object(&json, NULL);
        json_contender(report, &json, &all[i]);
        json_text(&json, "sentence", text);
        totals_json(&json, all, count, i, is_whole());
        struct compare_rss rss = {0};

        if (is_whole())
            status = compare_rss_read(report, &all[0], &all[i], &rss);
        compare_rss_json(&json, &rss);
        compare_rss_free(&rss);
        json_array(&json, "rows");
        if (status == EXIT_FINE)
            status = match_lines(report, &all[0].side, &all[i].side, (enum group)group, by, &matches);
        for (size_t k = 0; status == EXIT_FINE && k < matches.count && (limit == 0 || k < (size_t)limit); k++)
            json_match(&json, &matches.rows[k],
                       side_is_sampled(&all[0].side) || side_is_sampled(&all[i].side));
        json_close(&json);
        json_number(&json, "lines_in_all", (int64_t)matches.count);
        json_number(&json, "lines_unchanged", (int64_t)matches.same);
        json_close(&json);
        match_free(&matches);
        free(text);
    }
    json_end(&json);
    return status;
}

/* ---- what of them is compared ---------------------------------------------------------------- */

/* Sets each run's measures to what passes the filter in the chosen part of the run. */
static int narrow(struct report *report, struct side *side)
{
    int status = EXIT_FINE;

    side->filter = &filter;
    for (size_t i = 0; i < side->count && status == EXIT_FINE; i++) {
        struct store_measures m;
        struct variances v;

        status = lines_totals(report, &side->runs[i], &filter, &m, &v);
        side->runs[i].t.m = m;
        side->runs[i].v = v;
    }
    return status;
}

static int choose_measure(int given)
{
    return given >= 0 ? given : windows ? MEASURE_live_bytes : MEASURE_peak_bytes;
}

static int use_filter(struct report *report, struct compared *all, size_t count)
{
    int status = filter_begin(report, &filter);

    for (size_t i = 0; i < count; i++)
        windows |= all[i].side.runs[0].window.text != NULL || filter.from != NULL || filter.to != NULL;
    by = choose_measure(by);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < all[i].side.count && status == EXIT_FINE; k++)
            status = filter_add_run(report, &filter, &all[i].side.runs[k], by);
    if (status == EXIT_FINE && windows && !measure_sampled(by)) /* even if it is of the other run */
        status = report_error(report, EXIT_USAGE, "--by %s is known of whole runs only.", measures[by].by);
    if (status == EXIT_FINE)
        status = filter_check(report, &filter, &all[0].side.runs[0]);
    for (size_t i = 1; i < count && status == EXIT_FINE; i++)
        status = window_differs(report, &all[0].side.runs[0], &all[i].side.runs[0]);
    for (size_t i = 0; i < count && status == EXIT_FINE; i++)
        status = narrow(report, &all[i].side);
    return status;
}

int command_compare(struct report *report, int argc, char **argv)
{
    struct compared all[COMPARED_MOST] = {0};
    size_t count = 0;
    int operands, status = args_parse(report, &manual_compare, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    if (group == GROUP_STACK)
        return report_error(report, EXIT_USAGE,
                            "stacks of two runs are not matched: --group takes line, function, file, module "
                            "or type here.");
    status = report_open(report);
    if (status == EXIT_FINE)
        status = compared_choose(report, operands, argv, all, &count);
    if (status == EXIT_FINE)
        status = use_filter(report, all, count);
    if (status == EXIT_FINE) {
        compared_name(all, count);
        status = report->json ? print_json(report, all, count) : print_text(report, all, count);
    }
    compared_free(all, count);
    filter_free(&filter);
    return status;
}
