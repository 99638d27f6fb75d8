/* compare.c - trace-report compare: the answer in one sentence, then the totals, then the lines. */
#define _GNU_SOURCE
#include "args.h"
#include "match.h"
#include "show.h"
#include "text.h"
#include "units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIMIT 20
#define SIDES 16

static int by = -1; /* BY_PEAK; where parts of runs are compared, BY_LIVE */
static int64_t limit = DEFAULT_LIMIT;
static struct filter filter;

static const struct option_spec options[] = {
    {"by", OPTION_CHOICE, &by, NULL, "what is compared line by line (default: peak; of parts: live)",
     measure_names},
    {"limit", OPTION_NUMBER, &limit, "N", "lines to show (default: 20; 0: all)", NULL},
    FILTER_OPTIONS(filter),
    FILTER_MOMENTS(filter),
    {0},
};

static const struct manual manual = {
    .operands = "[RUN...]",
    .about =
        "Compares runs: each with the first. RUN is a number, or a label: if several runs have it, "
        "their mean is\n"
        "compared, and their spread (standard deviation) shown. Without RUN: the last two runs.\n"
        "RUN@MARK is the run up to a mark (trace.h), as if it had ended there; RUN@A..B is what was counted "
        "from A to B.\n"
        "Both may be seconds, too. @MARK alone is of the latest run.",
    .options = options,
    .examples = {{"", "the last two runs"},
                 {"list stream --by bytes", "two labels, by all bytes allocated"},
                 {"list@loaded list@served", "what more is live at the second mark than at the first"}},
    .most = SIDES,
};

/* One operand: a run, or the runs of a label. */
struct contender {
    char *name; /* the label where that tells them apart, else 'run 3' */
    struct side side;
};

/* ---- totals ---------------------------------------------------------------------------------- */

enum { TOTAL_BYTES, TOTAL_COUNT, TOTAL_SECONDS };

static double peak_bytes(const struct run *run)
{
    return (double)run->t.m.peak_bytes;
}
static double peak_blocks(const struct run *run)
{
    return (double)run->t.m.peak_allocations;
}
static double bytes(const struct run *run)
{
    return (double)run->t.m.bytes;
}
static double allocations(const struct run *run)
{
    return (double)run->t.m.allocations;
}
static double temporary(const struct run *run)
{
    return (double)run->t.m.temporary;
}
static double live_bytes(const struct run *run)
{
    return (double)run->t.m.live_bytes;
}
static double live_blocks(const struct run *run)
{
    return (double)run->t.m.live_allocations;
}
static double rss(const struct run *run)
{
    return (double)run->t.peak_rss_bytes;
}
static double wall(const struct run *run)
{
    return (double)run->t.wall_ns / 1e9;
}

static const struct total {
    const char *title, *key;
    int kind;
    double (*value)(const struct run *run);
} totals[] = {
    {"peak", "peak_bytes", TOTAL_BYTES, peak_bytes},
    {"blocks at peak", "peak_allocations", TOTAL_COUNT, peak_blocks},
    {"bytes allocated", "bytes", TOTAL_BYTES, bytes},
    {"allocations", "allocations", TOTAL_COUNT, allocations},
    {"temporary", "temporary", TOTAL_COUNT, temporary},
    {"live at end", "live_bytes", TOTAL_BYTES, live_bytes},
    {"blocks at end", "live_allocations", TOTAL_COUNT, live_blocks},
    {"resident at most", "peak_rss_bytes", TOTAL_BYTES, rss},
    {"wall time", "wall_s", TOTAL_SECONDS, wall},
};
#define TOTALS (sizeof totals / sizeof totals[0])
#define TOTALS_OF_LINES 7 /* the rest is known of whole runs only */

static int parts; /* of some run only a part is compared */

static size_t totals_known(void)
{
    return filter_is_set(&filter) || parts ? TOTALS_OF_LINES : TOTALS;
}

/* The peak of a part may not be known: its two rows come first. */
static size_t first_total(const struct contender *all, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < all[i].side.count; k++)
            if (all[i].side.runs[k].t.m.peak_bytes < 0)
                return 2;
    return 0;
}

static double mean(const struct side *side, double (*value)(const struct run *))
{
    double sum = 0;

    for (size_t i = 0; i < side->count; i++)
        sum += value(&side->runs[i]);
    return sum / (double)side->count;
}

static double spread(const struct side *side, double (*value)(const struct run *))
{
    double m = mean(side, value), squares = 0;

    if (side->count < 2)
        return 0;
    for (size_t i = 0; i < side->count; i++)
        squares += (value(&side->runs[i]) - m) * (value(&side->runs[i]) - m);
    return sqrt(squares / (double)(side->count - 1));
}

static char *number(const struct report *report, char *out, int kind, double value, int with_sign)
{
    char rest[UNITS_SIZE];

    switch (kind) {
    case TOTAL_BYTES:
        return with_sign ? units_bytes_signed(out, value, report->bytes)
                         : units_bytes(out, llround(value), report->bytes);
    case TOTAL_COUNT:
        return with_sign ? units_count_signed(out, value) : units_count(out, llround(value));
    default:
        snprintf(out, UNITS_SIZE, "%s%s",
                 !with_sign || value == 0 ? ""
                 : value < 0              ? "-"
                                          : "+",
                 units_seconds(rest, fabs(value)));
        return out;
    }
}

/* ---- the sentence ---------------------------------------------------------------------------- */

/* How each measure is said: "B VERB R of WHAT A". */
static const struct {
    const char *verb, *of, *as;
    size_t total;
} said[] = {
    [BY_BYTES] = {"allocates", "the bytes of ", "as many bytes as", 2},
    [BY_ALLOCATIONS] = {"makes", "the allocations of ", "as many allocations as", 3},
    [BY_PEAK] = {"peaks at", "", "what", 0},
    [BY_LIVE] = {"leaves", "what lives at the end of ", "as much alive as", 5},
    [BY_TEMPORARY] = {"makes", "the temporary allocations of ", "as many temporary allocations as", 4},
};

static char *ratio(char *out, double part, double whole)
{
    double percent = 100 * part / whole;

    if (percent >= 200)
        snprintf(out, UNITS_SIZE, "%.*f times", percent < 1000 ? 1 : 0, percent / 100);
    else
        snprintf(out, UNITS_SIZE,
                 percent < 0.1                          ? "%.2f %% of"
                 : percent < 99.95 || percent >= 100.05 ? "%.1f %% of"
                                                        : "%.2f %% of",
                 percent);
    return out;
}

static char *sentence(const struct report *report, const struct contender *a, const struct contender *b)
{
    const struct total *total = &totals[said[by].total];
    double before = mean(&a->side, total->value), after = mean(&b->side, total->value);
    char x[UNITS_SIZE], y[UNITS_SIZE], r[UNITS_SIZE], *text = NULL;
    int n;

    number(report, x, total->kind, before, 0);
    number(report, y, total->kind, after, 0);
    if (before == after && by == BY_PEAK)
        n = asprintf(&text, "%s peaks exactly where %s does (%s)", b->name, a->name, y);
    else if (before == after)
        n = asprintf(&text, "%s %s exactly %s %s (%s)", b->name, said[by].verb, said[by].as, a->name, y);
    else if (before < 0 || after < 0) /* of parts of runs */
        n = asprintf(&text, "%s changes what is live by %s, %s by %s", b->name, y, a->name, x);
    else if (before == 0)
        n = asprintf(&text, "%s %s %s where %s has none", b->name, said[by].verb, y, a->name);
    else
        n = asprintf(&text, "%s %s %s %s%s (%s -> %s)", b->name, said[by].verb, ratio(r, after, before),
                     said[by].of, a->name, x, y);
    return n >= 0 ? text : NULL;
}

/* ---- text ------------------------------------------------------------------------------------ */

static void print_sentence(const struct report *report, const struct contender *a, const struct contender *b)
{
    char *text = sentence(report, a, b), *harmless = text != NULL ? text_harmless(text) : NULL;

    printf("%s%s%s\n", report_color(report, "bold"), harmless != NULL ? harmless : "",
           report_color(report, "reset"));
    free(harmless);
    free(text);
}

static void total_cell(const struct report *report, struct table *table, const struct total *total,
                       const struct side *side)
{
    char a[UNITS_SIZE], b[UNITS_SIZE], text[2 * UNITS_SIZE + 8];
    double deviation = spread(side, total->value);

    if (deviation > 0)
        snprintf(text, sizeof text, "%s \xc2\xb1 %s",
                 number(report, a, total->kind, mean(side, total->value), 0),
                 number(report, b, total->kind, deviation, 0));
    else
        number(report, text, total->kind, mean(side, total->value), 0);
    table_cell(table, text);
}

/* Signed, and never a change that reads as none. */
static void percent(char *out, double value)
{
    snprintf(out, UNITS_SIZE, "%+.*f %%",
             fabs(value) >= 1000     ? 0
             : fabs(value) >= 0.05   ? 1
             : fabs(value) >= 0.0005 ? 3
                                     : 6,
             value);
}

static void print_totals(const struct report *report, const struct contender *all, size_t count)
{
    struct table *table = table_new(report);
    char out[UNITS_SIZE];

    table_column(table, "", 0);
    for (size_t i = 0; i < count; i++) {
        table_column(table, all[i].name, TABLE_RIGHT);
        if (i > 0) {
            table_column(table, "CHANGE", TABLE_RIGHT);
            table_column(table, "", TABLE_RIGHT);
        }
    }
    for (size_t t = first_total(all, count); t < totals_known(); t++) {
        double first = mean(&all[0].side, totals[t].value);

        table_row(table, NULL);
        table_cell(table, totals[t].title);
        total_cell(report, table, &totals[t], &all[0].side);
        for (size_t i = 1; i < count; i++) {
            double change = mean(&all[i].side, totals[t].value) - first;
            const char *color = change > 0 ? "red" : change < 0 ? "green" : "dim";

            total_cell(report, table, &totals[t], &all[i].side);
            table_cell(table, number(report, out, totals[t].kind, change, 1));
            table_cell_color(table, color);
            if (first == 0 || change == 0)
                strcpy(out, "");
            else
                percent(out, 100 * change / first);
            table_cell(table, out);
            table_cell_color(table, color);
        }
    }
    table_print(table);
    table_free(table);
}

static void place_cell(const struct run *run, struct table *table, const struct match *m)
{
    char *place = show_place(run, m->file, m->line), *text = NULL;

    if (place != NULL && m->line_before != m->line &&
        asprintf(&text, "%s (was :%lld)", place, (long long)m->line_before) < 0)
        text = NULL;
    table_cell(table, text != NULL ? text : place != NULL ? place : text_basename(m->module));
    free(text);
    free(place);
}

static void print_match(const struct report *report, struct table *table, const struct run *run,
                        const struct match *m)
{
    char out[UNITS_SIZE];
    double change = m->bytes[1] - m->bytes[0], more = m->count[1] - m->count[0];
    int counts = by == BY_ALLOCATIONS || by == BY_TEMPORARY;
    double main_change = counts ? more : change;
    const char *color = main_change > 0 ? "red" : main_change < 0 ? "green" : NULL;
    int kind = counts ? TOTAL_COUNT : TOTAL_BYTES;

    table_row(table, NULL);
    table_cell(table, number(report, out, kind, main_change, 1));
    table_cell_color(table, color);
    if (by != BY_TEMPORARY)
        table_cell(table,
                   counts ? units_bytes_signed(out, change, report->bytes) : units_count_signed(out, more));
    table_cell(table, number(report, out, kind, counts ? m->count[0] : m->bytes[0], 0));
    table_cell(table, number(report, out, kind, counts ? m->count[1] : m->bytes[1], 0));
    table_cell(table, !m->in_first ? "new" : !m->in_second ? "gone" : "");
    table_cell_color(table, !m->in_first ? "red" : "green");
    place_cell(run, table, m);
    table_cell(table, m->function);
}

static void print_matches(const struct report *report, const struct contender *a, const struct contender *b,
                          const struct matches *matches)
{
    struct table *table = table_new(report);
    size_t changed = matches->count - matches->same,
           shown = limit > 0 && (size_t)limit < changed ? (size_t)limit : changed;
    char count[UNITS_SIZE];
    int counts = by == BY_ALLOCATIONS;

    table_column(table, by == BY_TEMPORARY ? "TEMPORARY" : counts ? "ALLOCATIONS" : "BYTES", TABLE_RIGHT);
    if (by != BY_TEMPORARY)
        table_column(table, counts ? "BYTES" : by == BY_BYTES ? "ALLOCATIONS" : "BLOCKS", TABLE_RIGHT);
    table_column(table, "BEFORE", TABLE_RIGHT);
    table_column(table, "AFTER", TABLE_RIGHT);
    table_column(table, "", TABLE_EXTRA);
    table_column(table, "LINE", TABLE_PATH);
    table_column(table, "FUNCTION", TABLE_NAME);
    for (size_t i = 0; i < shown; i++)
        print_match(report, table, matches->rows[i].in_second ? &b->side.runs[0] : &a->side.runs[0],
                    &matches->rows[i]);
    char *first = text_harmless(a->name), *second = text_harmless(b->name);

    printf("\n%sBy line, %s: what changed from %s to %s%s\n", report_color(report, "bold"), measure_names[by],
           first, second, report_color(report, "reset"));
    free(first);
    free(second);
    if (shown > 0)
        table_print(table);
    if (changed > shown)
        printf("%s more lines changed; --limit 0 shows all.\n",
               units_count(count, (int64_t)(changed - shown)));
    if (matches->same > 0)
        printf("%s line%s did not change.\n", units_count(count, (int64_t)matches->same),
               matches->same == 1 ? "" : "s");
    table_free(table);
}

static void print_notes(const struct contender *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct side *side = &all[i].side;
        char *name = text_harmless(all[i].name);

        if (side->count > 1)
            printf("%s: mean of %zu runs\n", name, side->count);
        for (size_t k = 0; k < side->count; k++)
            if (side->runs[k].state != RUN_COMPLETE)
                printf("run %lld (%s) is %s: its numbers are not final\n", (long long)side->runs[k].number,
                       name, run_states[side->runs[k].state]);
        free(name);
    }
}

static int print_text(struct report *report, const struct contender *all, size_t count)
{
    int status = EXIT_FINE;

    for (size_t i = 1; i < count; i++)
        print_sentence(report, &all[0], &all[i]);
    filter_print(report, &filter, NULL, NULL);
    print_notes(all, count);
    putchar('\n');
    print_totals(report, all, count);
    for (size_t i = 1; i < count && status == EXIT_FINE; i++) {
        struct matches matches;

        status = match_lines(report, &all[0].side, &all[i].side, by, &matches);
        if (status == EXIT_FINE)
            print_matches(report, &all[0], &all[i], &matches);
        match_free(&matches);
    }
    char number[32], options[64];

    snprintf(number, sizeof number, "%lld", (long long)all[count - 1].side.runs[0].number);
    snprintf(options, sizeof options, "--by %s --stacks 1", measure_names[by]);
    report->run = number;
    report_next(report, "top", options, "who called the lines of the last one");
    report->run = NULL;
    return status;
}

/* ---- JSON ------------------------------------------------------------------------------------ */

/* A run is shown as a whole, whatever the filter left of it for the comparison. */
static void json_contender(struct report *report, struct json *json, const struct contender *c)
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
        part_json(json, &c->side.runs[0]);
}

static void json_totals(struct json *json, const struct side *a, const struct side *b, size_t first)
{
    json_object(json, "totals");
    for (size_t t = first; t < totals_known(); t++) {
        json_object(json, totals[t].key);
        json_real(json, "before", mean(a, totals[t].value));
        json_real(json, "after", mean(b, totals[t].value));
        json_real(json, "change", mean(b, totals[t].value) - mean(a, totals[t].value));
        json_real(json, "before_spread", spread(a, totals[t].value));
        json_real(json, "after_spread", spread(b, totals[t].value));
        json_close(json);
    }
    json_close(json);
}

static void json_match(struct json *json, const struct match *m)
{
    json_object(json, NULL);
    json_text(json, "file", m->file);
    json_number(json, "line", m->line);
    json_number(json, "line_before", m->line_before);
    json_text(json, "function", m->function);
    json_text(json, "module", m->module);
    json_text(json, "state", !m->in_first ? "new" : !m->in_second ? "gone" : "both");
    if (by != BY_TEMPORARY) {
        json_real(json, "bytes_before", m->bytes[0]);
        json_real(json, "bytes_after", m->bytes[1]);
        json_real(json, "bytes_change", m->bytes[1] - m->bytes[0]);
    }
    json_real(json, "allocations_before", m->count[0]);
    json_real(json, "allocations_after", m->count[1]);
    json_real(json, "allocations_change", m->count[1] - m->count[0]);
    json_close(json);
}

static int print_json(struct report *report, const struct contender *all, size_t count)
{
    struct json json;
    int status = EXIT_FINE;

    json_begin(&json, stdout, "libtrace.compare/1");
    json_text(&json, "by", measure_names[by]);
    filter_json(&json, &filter, NULL);
    json_object(&json, "first");
    json_contender(report, &json, &all[0]);
    json_close(&json);
    json_array(&json, "comparisons");
    for (size_t i = 1; i < count && status == EXIT_FINE; i++) {
        struct matches matches;
        char *text = sentence(report, &all[0], &all[i]);

        json_object(&json, NULL);
        json_contender(report, &json, &all[i]);
        json_text(&json, "sentence", text);
        json_totals(&json, &all[0].side, &all[i].side, first_total(all, count));
        json_array(&json, "rows");
        status = match_lines(report, &all[0].side, &all[i].side, by, &matches);
        for (size_t k = 0; status == EXIT_FINE && k < matches.count && (limit == 0 || k < (size_t)limit); k++)
            json_match(&json, &matches.rows[k]);
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

/* ---- who is compared ------------------------------------------------------------------------- */

static int add_run(struct report *report, struct side *side, int64_t number)
{
    struct run *more = realloc(side->runs, (side->count + 1) * sizeof *more);

    if (more == NULL)
        return report_error(report, EXIT_FAILED, "out of memory");
    side->runs = more;
    int status = run_load(report, number, &side->runs[side->count]);

    side->count += status == EXIT_FINE;
    return status;
}

/* The other runs of the same label, as far as they are complete, join the latest one. */
static int add_siblings(struct report *report, struct side *side, int64_t except)
{
    int64_t *numbers;
    size_t count;
    int status = run_numbers(report, side->runs[0].label, &numbers, &count);

    for (size_t i = 0; i < count && status == EXIT_FINE; i++) {
        if (numbers[i] == side->runs[0].number || numbers[i] == except)
            continue;
        status = add_run(report, side, numbers[i]);
        if (status == EXIT_FINE && side->runs[side->count - 1].state != RUN_COMPLETE)
            run_free(&side->runs[--side->count]);
    }
    free(numbers);
    return status;
}

static int by_number(const char *text)
{
    return text[strspn(text, "0123456789")] == '\0';
}

static int choose(struct report *report, struct contender *c, const char *text)
{
    c->side.runs = calloc(1, sizeof *c->side.runs);
    if (c->side.runs == NULL)
        return report_error(report, EXIT_FAILED, "out of memory");
    int status = run_find_part(report, text, &c->side.runs[0]);

    c->side.count = 1;
    return status == EXIT_FINE && !by_number(text) && c->side.runs[0].part.text == NULL
               ? add_siblings(report, &c->side, 0)
               : status;
}

/* No operand: the last two runs. One: it against the latest other run. */
static int complete_operands(struct report *report, int operands, char **argv, char texts[2][24],
                             const char **names)
{
    int64_t *numbers;
    size_t count;
    int status = run_numbers(report, NULL, &numbers, &count);

    for (int i = 0; i < operands; i++)
        names[i] = argv[i + 1];
    if (status == EXIT_FINE && operands < 2 && count < 2)
        status = report_error(report, EXIT_FAILED,
                              "%s holds %s: comparing takes two. Record %s: trace-run PROGRAM", report->db,
                              count == 0 ? "no run" : "one run only", count == 0 ? "them" : "another");
    if (status == EXIT_FINE && operands == 0) {
        snprintf(texts[0], sizeof texts[0], "%lld", (long long)numbers[1]);
        snprintf(texts[1], sizeof texts[1], "%lld", (long long)numbers[0]);
        names[0] = texts[0];
        names[1] = texts[1];
    }
    if (status == EXIT_FINE && operands == 1) {
        snprintf(texts[1], sizeof texts[1], "%lld", (long long)numbers[0]);
        names[1] = texts[1];
    }
    free(numbers);
    return status;
}

/* `compare LABEL` when the latest run has that label too: it is compared with the others. */
static int leave_out_latest(struct report *report, struct contender *all)
{
    struct side *side = &all[0].side;
    int64_t latest = all[1].side.runs[0].number;
    size_t n = 0;

    for (size_t i = 0; i < side->count; i++)
        if (side->runs[i].number == latest)
            run_free(&side->runs[i]);
        else
            side->runs[n++] = side->runs[i];
    side->count = n;
    return n > 0
               ? EXIT_FINE
               : report_error(report, EXIT_USAGE, "run %lld is the latest: name the run to compare it with.",
                              (long long)latest);
}

/* A run counts for what passes the filter, of the part that is meant. */
static int narrow(struct report *report, struct side *side)
{
    int status = EXIT_FINE;

    side->filter = &filter;
    for (size_t i = 0; i < side->count && status == EXIT_FINE; i++) {
        struct store_measures m;

        status = lines_totals(report, &side->runs[i], &filter, &m);
        side->runs[i].t.m = m;
    }
    return status;
}

static int choose_measure(int given)
{
    return given >= 0 ? given : parts ? BY_LIVE : BY_PEAK;
}

static int use_filter(struct report *report, struct contender *all, size_t count)
{
    int status = filter_begin(report, &filter);

    for (size_t i = 0; i < count; i++)
        parts |= all[i].side.runs[0].part.text != NULL || filter.from != NULL || filter.to != NULL;
    by = choose_measure(by);
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < all[i].side.count && status == EXIT_FINE; k++)
            status = filter_add_run(report, &filter, &all[i].side.runs[k], by);
    if (status == EXIT_FINE && parts && by == BY_PEAK) /* be it of the other one only */
        status =
            report_error(report, EXIT_USAGE, "which lines made up the peak is known of whole runs only.");
    if (status == EXIT_FINE)
        status = filter_check(report, &filter, &all[0].side.runs[0]);
    for (size_t i = 0; i < count && status == EXIT_FINE; i++)
        status = narrow(report, &all[i].side);
    return status;
}

/* Whether the label tells them apart, or what part of the run it is. */
static int told_apart(const struct run *a, const struct run *b)
{
    return strcmp(a->label, b->label) != 0 || (a->number == b->number && a->part.text != NULL);
}

/* Labels tell the contenders apart, or else numbers do. */
static void name_contenders(struct contender *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const struct run *run = &all[i].side.runs[0];
        char number[48];
        int alone = 1;

        for (size_t k = 0; k < count; k++)
            alone &= k == i || told_apart(run, &all[k].side.runs[0]);
        if (all[i].side.count > 1)
            snprintf(number, sizeof number, "%zu runs", all[i].side.count);
        else
            snprintf(number, sizeof number, "run %lld", (long long)run->number);
        all[i].name = part_name(run, alone ? run->label : number);
        if (all[i].name == NULL)
            all[i].name = strdup("run");
    }
}

int command_compare(struct report *report, int argc, char **argv)
{
    struct contender all[SIDES] = {0};
    char texts[2][24];
    const char *names[SIDES] = {0};
    int operands, status = args_parse(report, &manual, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    size_t count = operands < 2 ? 2 : (size_t)operands;

    status = report_open(report);
    if (status == EXIT_FINE)
        status = complete_operands(report, operands, argv, texts, names);
    for (size_t i = 0; i < count && status == EXIT_FINE; i++)
        status = choose(report, &all[i], names[i]);
    for (size_t i = 0; i + 1 < count && status == EXIT_FINE; i++)
        status = run_again(report, &all[i].side.runs[0]); /* as they are at the moment of the last one */
    if (status == EXIT_FINE && operands == 1)
        status = leave_out_latest(report, all);
    if (status == EXIT_FINE)
        status = use_filter(report, all, count);
    if (status == EXIT_FINE) {
        name_contenders(all, count);
        status = report->json ? print_json(report, all, count) : print_text(report, all, count);
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < all[i].side.count; k++)
            run_free(&all[i].side.runs[k]);
        free(all[i].side.runs);
        free(all[i].name);
    }
    filter_free(&filter);
    return status;
}
