/* advise.c - trace-report advise: what a run's record says of memory that the program could do without. */
#define _GNU_SOURCE
#include "advice.h"
#include "advice_rules.h"
#include "commands.h"
#include "finding_words.h"
#include "nameless.h"
#include "sampling.h"
#include "source.h"
#include "source_file.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIMIT 5
#define INDENT 3

static int64_t limit = DEFAULT_LIMIT;
static int all;
static struct filter filter;

static const struct option_spec options[] = {
    {"limit", OPTION_NUMBER, &limit, "N", "findings to show (default: 5; 0: all)", NULL},
    {"all", OPTION_FLAG, &all, NULL, "what is only worth a look, too, and lines of libraries", NULL},
    SUPPRESSED_OPTION,
    SOURCE_OPTION,
    FILTER_OPTIONS(filter),
    {0},
};

const struct manual manual_advise = {
    .operands = "[RUN]",
    .about =
        "Says what could be done about a run's memory, line by line: what was found, how sure that is, "
        "what to do, and how\n"
        "much it saves. 'Certain' is what the record proves; 'likely' is what two independent signals "
        "say. Savings at the\n"
        "peak are worked out from how the heap developed: without these blocks another moment may be "
        "the highest.\n"
        "What is known and accepted is suppressed by lines rule:PATTERN of a file (a glob of file, file:line "
        "or function;\n"
        "* for any rule; # begins a comment), or by a comment in the line itself: libtrace: ignore RULE, "
        "or without a rule.",
    .options = options,
    .examples = {{"", "the latest run"},
                 {"--all --limit 0", "also what is only worth a look, and which rules could not tell"},
                 {"import --file 'src/*.py' --json", "for a program: one module of the run with that label"}},
    .most = 1,
    .whole = "advice is about whole runs: what was asked for in a part of one is seen with top --from.",
};

/* ---- text ---------------------------------------------------------------------------------------- */

/* Prints a paragraph below a heading, made harmless. */
static void say(const struct report *report, const char *text)
{
    char *harmless = text_harmless(text);

    printf("%*s", INDENT, "");
    text_wrap(stdout, harmless, report->width > INDENT ? (size_t)report->width - INDENT : 0, INDENT);
    free(harmless);
}

static void print_source(const struct report *report, const struct run *run,
                         const struct profile_place *place)
{
    char *text = NULL;

    if (source_line(run, place->file, place->line, &text) == SOURCE_FINE) {
        char *harmless = text_harmless(text);

        if (report->width > 2 * INDENT)
            harmless = text_cut(harmless, (size_t)report->width - 2 * INDENT, 0);
        printf("%*s%s%s%s\n", 2 * INDENT, "", report_color(report, "dim"), harmless,
               report_color(report, "reset"));
        free(harmless);
    }
    free(text);
}

static void print_savings(const struct report *report, const struct advice *advice, const struct finding *f)
{
    char savings[FINDING_SAVINGS][FINDING_SAVING];
    size_t count = finding_savings(report, advice, f, savings);

    for (size_t i = 0; i < count; i++)
        printf("%*s%s %s\n", INDENT, "", i == 0 ? "Saves" : "     ", savings[i]);
}

static void print_finding(const struct report *report, const struct advice *advice, size_t index)
{
    static const char *const words[] = {[CERTAIN] = "Certain", [LIKELY] = "Likely", [ASK] = "Worth a look"};
    const struct finding *f = &advice->findings[index];
    const struct profile_place *place = &advice->profile.places[f->place];
    char *where = finding_place(advice, f),
         *heading = text_make("%zu. %s: %s", index + 1, where, f->rule->title),
         *harmless = text_harmless(heading), text[400], count[UNITS_SIZE];

    printf("\n%s", report_color(report, "bold"));
    text_wrap(stdout, harmless, (size_t)report->width, INDENT);
    fputs(report_color(report, "reset"), stdout);
    print_source(report, advice->run, place);
    snprintf(text, sizeof text, "%s, by rule %s:", words[f->certainty], f->rule->id);
    say(report, text);
    say(report, f->what);
    if (f->more > 0) {
        snprintf(text, sizeof text, "%s more of the same cause %s counted in.", units_count(count, f->more),
                 f->more == 1 ? "is" : "are");
        say(report, text);
    }
    say(report, f->remedy);
    print_savings(report, advice, f);
    if (f->misnamed)
        say(report, "The comment in this line ignores nothing: there is no rule of that name.");
    free(harmless);
    free(heading);
    free(where);
}

/* Adds "AND WHAT" to the sentence. */
static void __attribute__((format(printf, 3, 0)))
add_part(char *text, size_t size, const char *what, const char *a, const char *b, int *parts)
{
    size_t used = strlen(text);

    snprintf(text + used, size - used, "%s", (*parts)++ == 0 ? " would take " : ", and ");
    used = strlen(text);
    snprintf(text + used, size - used, what, a, b);
}

/* The answer first: how many, and what they save together. */
static void print_head(const struct report *report, const struct advice *advice)
{
    const struct store_measures *m = &advice->run->t.m;
    size_t count = 0;
    char a[UNITS_SIZE], b[UNITS_SIZE], text[400];
    int parts = 0, plain = report->bytes;

    while (count < advice->finding_count && advice->findings[count].certainty != ASK)
        count++;
    if (count == 0) {
        text_wrap(
            stdout,
            advice->suppressed[SUPPRESSED_FILE] + advice->suppressed[SUPPRESSED_COMMENT] > 0
                ? "Nothing certain or likely is found that this run could do without, but what is suppressed."
                : "Nothing certain or likely is found that this run could do without.",
            (size_t)report->width, 0);
        return;
    }
    snprintf(text, sizeof text, "%zu finding%s", count, count == 1 ? "; it" : "s; together they");
    if (advice->peak_without < m->peak_bytes - m->peak_bytes / 100)
        add_part(text, sizeof text, "the peak from %s to about %s", units_bytes(a, m->peak_bytes, plain),
                 units_bytes(b, advice->peak_without, plain), &parts);
    else if (advice->without_end > 0)
        add_part(text, sizeof text, "%s%s off what is held at the end",
                 units_bytes(a, advice->without_end, plain), "", &parts);
    if (advice->without_bytes >= m->bytes / 20)
        add_part(text, sizeof text, "%s%s off what is allocated",
                 units_bytes(a, advice->without_bytes, plain), "", &parts);
    if (advice->without_resident > 0)
        add_part(text, sizeof text, "about %s%s off what is resident",
                 units_bytes(a, advice->without_resident, plain), "", &parts);
    if (advice->without_space > 0)
        add_part(text, sizeof text, "%s%s of address space away",
                 units_bytes(a, advice->without_space, plain), "", &parts);
    if (parts == 0)
        add_part(text, sizeof text, "%s%s allocations away", units_count(a, advice->without_allocations), "",
                 &parts);
    text_wrap(stdout, text, (size_t)report->width, 0);
}

/* What was left out, and why; with --all, or of a sampled run, what rules could not tell. */
static void print_foot(const struct report *report, const struct advice *advice, size_t shown)
{
    char count[UNITS_SIZE];

    if (shown < advice->finding_count)
        printf("\n%s more: --limit 0\n", units_count(count, (int64_t)(advice->finding_count - shown)));
    if (!all && advice->asks > 0)
        printf("\n%s more %s worth a look: --all\n", units_count(count, (int64_t)advice->asks),
               advice->asks == 1 ? "is" : "are");
    finding_suppressed(report, advice, "\n");
    if (all || sampling_is_on(advice->run))
        finding_lacks(report, advice, NULL, "\n");
}

/* The command that proves it. It is to be copied, so it is there as a whole or not at all. */
static void print_proof(const struct report *report, const struct advice *advice)
{
    static const char traced[] = "trace-run --label after";
    const struct run *run = advice->run;
    const char *option = report->db_given ? " -o " : "", *db = report->db_given ? report->db : "";
    char *command = run->command != NULL && *run->command != '\0' ? text_harmless(run->command) : NULL;

    if (advice->finding_count == 0) {
        free(command);
        return;
    }
    size_t before = INDENT + strlen(traced) + strlen(option) + text_width(db) + 1;
    if (command != NULL && report->width > 0 && before + text_width(command) > (size_t)report->width) {
        free(command);
        command = NULL;
    }
    printf("\nChange it, and see what that brings:\n");
    printf("%*s%s%s%s %s\n", INDENT, "", traced, option, db, command != NULL ? command : "COMMAND");
    printf("%*strace-report compare %lld after%s%s\n", INDENT, "", (long long)run->number,
           report->db_given ? " --db " : "", report->db_given ? report->db : "");
    free(command);
}

static void print_text(const struct report *report, const struct advice *advice)
{
    size_t shown = limit > 0 && (size_t)limit < advice->finding_count ? (size_t)limit : advice->finding_count;

    run_headline(report, advice->run);
    filter_print(report, advice->filter, NULL, NULL);
    run_explain_empty(report, advice->run);
    print_head(report, advice);
    for (size_t i = 0; i < shown; i++)
        print_finding(report, advice, i);
    print_foot(report, advice, shown);
    print_proof(report, advice);
    /* Of Python what has no line is the interpreter's own. */
    if (advice->finding_count == 0 && !advice_has_python(advice))
        nameless_print(report, advice->run, MEASURE_peak_bytes);
    source_hint(report);
}

/* ---- JSON ---------------------------------------------------------------------------------------- */

static void print_json(const struct advice *advice)
{
    size_t shown = limit > 0 && (size_t)limit < advice->finding_count ? (size_t)limit : advice->finding_count;
    struct json json;

    json_begin(&json, stdout, "libtrace.advise/1");
    run_json(&json, "run", advice->run);
    filter_json(&json, advice->filter, NULL);
    json_number(&json, "peak_without_bytes", advice->peak_without);
    json_number(&json, "findings_in_all", (int64_t)advice->finding_count);
    json_number(&json, "worth_a_look", (int64_t)advice->asks);
    finding_json_suppressed(&json, advice);
    json_array(&json, "findings");
    for (size_t i = 0; i < shown; i++)
        finding_json(&json, advice, &advice->findings[i]);
    json_close(&json);
    finding_json_lacks(&json, advice, NULL);
    json_end(&json);
}

int command_advise(struct report *report, int argc, char **argv)
{
    struct run run = {0};
    struct advice advice = {0};
    int operands, status = args_parse(report, &manual_advise, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    report->fresh_pages = 1;
    status = report_open(report);
    if (status == EXIT_FINE)
        status = run_find(report, operands > 0 ? argv[1] : NULL, &run);
    if (status == EXIT_FINE)
        status = filter_prepare(report, &filter, &run, MEASURE_peak_bytes);
    if (status == EXIT_FINE)
        status = advice_read(report, &run, &(struct advice_query){.filter = &filter, .all = all}, &advice);
    if (status == EXIT_FINE && report->json)
        print_json(&advice);
    else if (status == EXIT_FINE)
        print_text(report, &advice);
    advice_free(&advice);
    filter_free(&filter);
    run_free(&run);
    return status;
}
