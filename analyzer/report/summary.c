/* summary.c - trace-report summary: a run on one page, and what is missing in it. */
#define _GNU_SOURCE
#include "args.h"
#include "brief.h"
#include "commands.h"
#include "finding_words.h"
#include "histograms.h"
#include "by_line.h"
#include "missing.h"
#include "nameless.h"
#include "sampling.h"
#include "show.h"
#include "source_file.h"
#include "store.h"
#include "text.h"
#include "units.h"
#include "verdict.h"

#include <sqlite3.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define ROWS 5
#define NAME_COLUMN 13 /* what the names of totals take */
#define MODULES 5      /* most modules named in warnings */

static int brief;
static int64_t pid, since;

static const struct option_spec options[] = {
    {"brief", OPTION_FLAG, &brief, NULL, "three lines: the peak, where most of it came from, what is live",
     NULL},
    {"pid", OPTION_NUMBER, &pid, "PID", "the latest run that has a process of this PID", NULL},
    {"since", OPTION_NUMBER, &since, "SECONDS",
     "of runs that began since then, in seconds of the epoch (date +%s)", NULL},
    SOURCE_OPTION,
    {0},
};

const struct manual manual_summary = {
    .operands = "[RUN]",
    .about =
        "Shows a run on one page: its totals, the lines that allocate most, the sizes of blocks, and "
        "what is missing\n"
        "in the record; and the first thing that trace-report advise finds. --json has also what is left "
        "and what is\n"
        "allocated in vain, in 8 KB at most.",
    .options = options,
    .examples = {{"", "the latest run"}, {"list --json", "the latest run labelled 'list', for a program"}},
    .most = 1,
};

/* What a summary shows besides the run's own totals. */
struct summary {
    struct run run;
    struct lines at_peak, by_bytes;
    struct histograms histograms;
    struct sentences warnings;
    struct verdict_facts verdict; /* for --json */
    struct filter all;            /* filters nothing */
    struct advice advice;
};

/* ---- gathering ------------------------------------------------------------------------------- */

static const char *const causes[] = {
    [SYMBOLS_LINES] = "some of its code has no line information: was part of it built without -g?",
    [SYMBOLS_NAMES] = ("it has no line information: build it with -g, or install its debug symbols "
                       "(NAME-dbgsym or NAME-dbg)"),
    [SYMBOLS_NONE] =
        "it is stripped: build it with -g, or install its debug symbols (NAME-dbgsym or NAME-dbg)",
    [SYMBOLS_MISSING] = "its file was not there, or not readable, when names were looked up",
    [SYMBOLS_REPLACED] = "its file was replaced since the program had loaded it: record again",
    [SYMBOLS_GONE] = "its file was removed before it could be read",
    [SYMBOLS_SHORT] = "there was not enough memory to read all of its debug information",
};

/* Steps to the next module, those with the most bytes (column 2) first, and formats its share of all
 * bytes. False once the share is below 0.1 %: the others are smaller still. */
static bool next_module(struct report *report, sqlite3_stmt *s, const struct summary *summary, char *share,
                        int *status)
{
    double all = (double)summary->run.t.m.bytes;

    if (!report_step(report, s, status) || sqlite3_column_double(s, 2) * 1000 < all)
        return false;
    units_percent(share, sqlite3_column_double(s, 2), all);
    return true;
}

static void warn_of_module(struct summary *summary, const char *share, const char *module, int symbols)
{
    char *package = summary->run.ours && symbols <= SYMBOLS_NONE ? nameless_package(module) : NULL;

    if (package != NULL)
        sentences_add(&summary->warnings, "%s of the bytes have no line: %s: %s: install %s.", share, module,
                      symbols == SYMBOLS_NONE ? "it is stripped" : "it lacks line information", package);
    else
        sentences_add(&summary->warnings, "%s of the bytes have no line: %s: %s.", share, module,
                      causes[symbols]);
    free(package);
}

/* Warns of modules without line information that allocate much. */
static int warn_of_modules(struct report *report, struct summary *summary)
{
    static const char sql[] = "SELECT t.module, (SELECT m.symbols FROM module AS m WHERE m.run = ?1 AND "
                              "m.path = t.module), t.bytes FROM "
                              "(SELECT module, sum(bytes) AS bytes FROM lines WHERE run = ?1 AND file IS "
                              "NULL AND language = 'native' "
                              "GROUP BY module) AS t ORDER BY t.bytes DESC LIMIT ?2";
    char share[UNITS_SIZE];
    int status = EXIT_FINE;
    sqlite3_stmt *s = report_prepare(report, sql);

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, summary->run.number);
    sqlite3_bind_int(s, 2, MODULES);
    while (next_module(report, s, summary, share, &status)) {
        const char *module = (const char *)sqlite3_column_text(s, 0);
        int symbols = sqlite3_column_type(s, 1) == SQLITE_NULL ? -1 : sqlite3_column_int(s, 1);

        if (module == NULL || *module == '\0')
            sentences_add(&summary->warnings,
                          "%s of the bytes come from memory that belongs to no file (generated code).",
                          share);
        else if (symbols >= 0 && symbols < (int)(sizeof causes / sizeof causes[0]))
            warn_of_module(summary, share, module, symbols);
        else
            sentences_add(&summary->warnings,
                          "%s of the bytes have no line: %s: its names were not looked up.", share, module);
    }
    sqlite3_finalize(s);
    return status;
}

/* Warns of code whose names are lost: what it allocates counts for the lines that called it. */
static int warn_of_lost_modules(struct report *report, struct summary *summary)
{
    static const char sql[] =
        "SELECT m.path, m.symbols, sum(s.bytes) AS bytes FROM module AS m "
        "JOIN line AS l ON l.run = m.run AND l.module = m.path AND l.file IS NULL "
        "JOIN site AS s ON s.run = l.run AND s.leaf = l.id AND s.line <> s.leaf "
        "WHERE m.run = ?1 AND m.symbols IN (?2, ?3, ?4) GROUP BY m.path ORDER BY bytes DESC LIMIT ?5";
    char share[UNITS_SIZE];
    int status = EXIT_FINE;
    sqlite3_stmt *s = report_prepare(report, sql);

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, summary->run.number);
    sqlite3_bind_int(s, 2, SYMBOLS_REPLACED);
    sqlite3_bind_int(s, 3, SYMBOLS_GONE);
    sqlite3_bind_int(s, 4, SYMBOLS_SHORT);
    sqlite3_bind_int(s, 5, MODULES);
    while (next_module(report, s, summary, share, &status))
        sentences_add(&summary->warnings, "%s of the bytes count for callers of %s: %s.", share,
                      sqlite3_column_text(s, 0), causes[sqlite3_column_int(s, 1)]);
    sqlite3_finalize(s);
    return status;
}

static int64_t stacks_cut(struct report *report, int64_t run, int *status)
{
    sqlite3_stmt *s =
        report_prepare(report, "SELECT EXISTS (SELECT 1 FROM node WHERE run = ? AND parent = -1)");
    int64_t cut = 0;

    if (s == NULL)
        return 0;
    sqlite3_bind_int64(s, 1, run);
    if (report_step(report, s, status))
        cut = sqlite3_column_int64(s, 0);
    sqlite3_finalize(s);
    return cut;
}

static int warnings(struct report *report, struct summary *summary)
{
    const struct run *run = &summary->run;
    char a[UNITS_SIZE], b[UNITS_SIZE];
    int status = EXIT_FINE;

    missing_find(run, &summary->warnings);
    if (run->t.stacks_different > 0)
        sentences_add(&summary->warnings, "%s of %s stacks that were checked differ from libunwind's.",
                      units_count(a, run->t.stacks_different), units_count(b, run->t.stacks_checked));
    if (stacks_cut(report, run->number, &status))
        sentences_add(&summary->warnings,
                      "Some stacks were deeper than what was kept: their outermost frames are missing "
                      "(LIBTRACE_DEPTH=N keeps N).");
    if (run->t.waits > 0)
        sentences_add(&summary->warnings,
                      "The program waited %s times, %s in all, for its events to be taken: it ran slower.",
                      units_count(a, run->t.waits), units_seconds(b, (double)run->t.waited_ns / 1e9));
    if (status == EXIT_FINE && run->resolved)
        status = warn_of_modules(report, summary);
    return status == EXIT_FINE && run->resolved ? warn_of_lost_modules(report, summary) : status;
}

static int gather(struct report *report, struct summary *summary)
{
    struct lines_query query = {.run = &summary->run, .by = MEASURE_peak_bytes, .limit = ROWS};
    int status = lines_read(report, &query, &summary->at_peak);

    query.by = MEASURE_bytes;
    if (status == EXIT_FINE)
        status = lines_read(report, &query, &summary->by_bytes);
    if (status == EXIT_FINE)
        status = histograms_read(report, &summary->run, NULL, &summary->histograms);
    if (status == EXIT_FINE)
        status = filter_prepare(report, &summary->all, &summary->run, MEASURE_peak_bytes);
    if (status == EXIT_FINE)
        status = advice_read(report, &summary->run, &(struct advice_query){.filter = &summary->all},
                             &summary->advice);
    summary->verdict.advised = finding_first(&summary->advice) != NULL;
    return status == EXIT_FINE ? warnings(report, summary) : status;
}

/* ---- showing --------------------------------------------------------------------------------- */

static void print_history(const struct report *report, const struct run *run)
{
    const struct store_run *t = &run->t;
    char a[UNITS_SIZE], b[UNITS_SIZE], end[96] = "";

    if (t->exit_known && t->exit_status < 0)
        snprintf(end, sizeof end, ", killed by %s (%s)", units_exit(a, t->exit_status),
                 t->exit_status > -128 ? strsignal(-t->exit_status) : "?");
    else if (t->exit_known)
        snprintf(end, sizeof end, ", exit status %d", t->exit_status);
    char *text =
        text_make("started %s, ran %s (%s CPU)%s; %lld process%s, %lld thread%s; %s", run->started,
                  units_seconds(a, (double)t->wall_ns / 1e9), units_seconds(b, (double)t->cpu_ns / 1e9), end,
                  (long long)run->processes, run->processes == 1 ? "" : "es", (long long)run->threads,
                  run->threads == 1 ? "" : "s", run_states[run->state]);
    char *harmless = text_harmless(text);

    text_wrap(stdout, harmless, (size_t)report->width, 2);
    putchar('\n');
    free(harmless);
    free(text);
}

static void print_thinned(const struct report *report, const struct run *run)
{
    char sentences[THINNED_TEXT], text[THINNED_TEXT + NAME_COLUMN];

    if (*thinned_text(report, run, sentences) == '\0')
        return;
    snprintf(text, sizeof text, "%-*s%s", NAME_COLUMN, "thinned", sentences);
    text_wrap(stdout, text, (size_t)report->width, NAME_COLUMN);
}

static void print_facts(const struct report *report, const struct run *run)
{
    const struct store_run *t = &run->t;
    char a[UNITS_SIZE], b[UNITS_SIZE], c[UNITS_SIZE];
    char *command = text_harmless(run->command);

    int taken = run_title(report, run) + 2, sampled = sampling_print(report, run, (size_t)taken);
    int wide = taken + (int)text_width(command) > report->width && report->width > 0;

    fputs(wide && !sampled ? "\n" : "  ", stdout);
    text_wrap(stdout, command, (size_t)report->width, 2);
    print_history(report, run);
    printf("allocated    %15s  %12s\n", units_count(a, t->m.allocations),
           units_bytes(b, t->m.bytes, report->bytes));
    printf("freed        %15s  %12s\n", units_count(a, t->frees),
           units_bytes(b, t->freed_bytes, report->bytes));
    printf("peak         %15s  %12s  at %s", units_count(a, t->m.peak_allocations),
           units_bytes(b, t->m.peak_bytes, report->bytes), units_seconds(c, (double)t->peak_ns / 1e9));
    if (t->peak_rss_bytes > 0 && report->width > 0 && report->width < 80)
        printf("\nresident     %15s  %12s  at most", "", units_bytes(a, t->peak_rss_bytes, report->bytes));
    else if (t->peak_rss_bytes > 0)
        printf("; resident at most %s", units_bytes(a, t->peak_rss_bytes, report->bytes));
    printf("\nlive at end  %15s  %12s\n", units_count(a, t->end_allocations),
           units_bytes(b, t->end_bytes, report->bytes));
    if (t->end_allocations != t->m.live_allocations || t->end_bytes != t->m.live_bytes)
        printf("never freed  %15s  %12s  by its processes\n", units_count(a, t->m.live_allocations),
               units_bytes(b, t->m.live_bytes, report->bytes));
    printf("temporary    %15s  %12s  of allocations\n", units_count(a, t->m.temporary),
           units_percent(b, (double)t->m.temporary, (double)t->m.allocations));
    print_thinned(report, run);
    free(command);
}

/* The first finding, and where the others are. */
static void print_advice(const struct report *report, const struct advice *advice)
{
    const struct finding *first = finding_first(advice);

    if (first == NULL)
        return;
    char *sentence = finding_sentence(report, advice, first), *command = report_command(report, "advise", ""),
         *text = text_make("%-*s%s; see: %s", NAME_COLUMN, "advice", sentence, command);

    text_wrap(stdout, text, (size_t)report->width, NAME_COLUMN);
    free(text);
    free(command);
    free(sentence);
}

static int print_text(struct report *report, struct summary *summary)
{
    const char *bold = report_color(report, "bold"), *reset = report_color(report, "reset");
    struct lines_query query = {.run = &summary->run, .by = MEASURE_peak_bytes};
    int status = EXIT_FINE;

    print_facts(report, &summary->run);
    print_advice(report, &summary->advice);
    run_explain_empty(report, &summary->run);
    if (summary->at_peak.count > 0) {
        printf("\n%sMost at the peak%s\n", bold, reset);
        status = show_lines(report, &query, &summary->at_peak, NULL, 0);
        query.by = MEASURE_bytes;
        printf("\n%sMost bytes%s\n", bold, reset);
        if (status == EXIT_FINE)
            status = show_lines(report, &query, &summary->by_bytes, NULL, 0);
    }
    histograms_print_sizes(report, &summary->run, &summary->histograms);
    if (summary->warnings.count > 0)
        printf("\n%sTo be known%s\n", bold, reset);
    for (int i = 0; i < summary->warnings.count; i++) {
        char *harmless = text_harmless(summary->warnings.text[i]);

        printf("%s- ", report_color(report, "yellow"));
        text_wrap(stdout, harmless, report->width > 2 ? (size_t)report->width - 2 : 0, 2);
        fputs(reset, stdout);
        free(harmless);
    }
    show_words(report);
    report_next(report, "top", "--stacks 1", "who made up the peak");
    return status;
}

/* Limits for the JSON, which has to stay small whatever the database holds. */
static const struct room {
    size_t longest; /* most bytes of a text, 0 = no limit */
    size_t rows;
    int sizes, warnings;
} rooms[] = {{0, ROWS, 1, 100}, {300, 3, 1, 10}, {120, 3, 0, 5}, {60, 2, 0, 3}, {30, 1, 0, 2}};
#define JSON_MOST 8000 /* bytes: small enough to give to an AI agent with every question */

static void advice_json(struct json *json, const struct advice *advice)
{
    const struct finding *first = finding_first(advice);

    if (first == NULL) {
        json_null(json, "advice");
        return;
    }
    json_object(json, "advice");
    finding_json_place(json, advice, first);
    finding_json_savings(json, first);
    json_close(json);
}

static int write_json(struct report *report, struct summary *summary, const struct room *room, FILE *out)
{
    struct lines_query query = {.run = &summary->run, .by = MEASURE_peak_bytes};
    struct lines at_peak = summary->at_peak, by_bytes = summary->by_bytes; /* the originals own the rows */
    struct json json;

    at_peak.count = at_peak.count < room->rows ? at_peak.count : room->rows;
    by_bytes.count = by_bytes.count < room->rows ? by_bytes.count : room->rows;
    json_begin(&json, out, "libtrace.summary/1");
    json.longest = room->longest;
    run_json(&json, "run", &summary->run);
    json_array(&json, "top_peak");
    int status = show_lines_json(report, &json, &query, &at_peak, NULL, 0);

    json_close(&json);
    json_array(&json, "top_bytes");
    query.by = MEASURE_bytes;
    if (status == EXIT_FINE)
        status = show_lines_json(report, &json, &query, &by_bytes, NULL, 0);
    json_close(&json);
    advice_json(&json, &summary->advice);
    verdict_json(report, &json, &summary->run, &summary->verdict, room->rows);
    if (room->sizes)
        histograms_json_sizes(&json, &summary->run, &summary->histograms);
    json_number(&json, "waits", summary->run.t.waits);
    json_real(&json, "waited_s", (double)summary->run.t.waited_ns / 1e9);
    json_array(&json, "warnings");
    for (int i = 0; i < summary->warnings.count && i < room->warnings; i++)
        json_text(&json, NULL, summary->warnings.text[i]);
    json_close(&json);
    json_true(&json, "cut", room != rooms);
    json_end(&json);
    return status;
}

static int print_json(struct report *report, struct summary *summary)
{
    int status = EXIT_FINE;
    size_t size = SIZE_MAX;

    for (size_t i = 0; i < sizeof rooms / sizeof rooms[0] && size > JSON_MOST && status == EXIT_FINE; i++) {
        char *text = NULL;
        FILE *out = open_memstream(&text, &size);

        status = write_json(report, summary, &rooms[i], out);
        fclose(out);
        if (size <= JSON_MOST || i + 1 == sizeof rooms / sizeof rooms[0])
            fwrite(text, 1, size, stdout);
        free(text);
    }
    return status;
}

/* Finds the run by --pid, or as all reports do. */
static int find_run(struct report *report, const char *text, struct run *run)
{
    char number[24];
    int64_t found = 0;

    if (pid == 0)
        return run_find(report, text, run);
    int status = brief_run_of(report, pid, since, &found);

    if (status == EXIT_FINE && found == 0)
        return brief ? EXIT_FAILED /* trace-run asks for it: the command may not have been traced at all */
                     : report_error(report, EXIT_FAILED, "%s has no run with a process %lld", report->db,
                                    (long long)pid);
    snprintf(number, sizeof number, "%lld", (long long)found);
    status = status == EXIT_FINE ? run_find(report, number, run) : status;
    report->run = NULL; /* the user did not name a run */
    return status;
}

int command_summary(struct report *report, int argc, char **argv)
{
    struct summary summary = {0};
    int operands, status = args_parse(report, &manual_summary, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    status = report_open(report);
    if (status == EXIT_FINE)
        status = find_run(report, operands > 0 ? argv[1] : NULL, &summary.run);
    if (status == EXIT_FINE && brief && !report->json)
        status = brief_print(report, &summary.run);
    else if (status == EXIT_FINE)
        status = gather(report, &summary);
    if (status == EXIT_FINE && report->json)
        status = verdict_read(report, &summary.run, &summary.verdict);
    if (status == EXIT_FINE && !(brief && !report->json))
        status = report->json ? print_json(report, &summary) : print_text(report, &summary);
    sentences_free(&summary.warnings);
    lines_free(&summary.at_peak);
    lines_free(&summary.by_bytes);
    verdict_free(&summary.verdict);
    advice_free(&summary.advice);
    filter_free(&summary.all);
    run_free(&summary.run);
    return status;
}
