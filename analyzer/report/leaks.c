/* leaks.c - trace-report leaks: what is live at the end, stack by stack.
 *
 * Whether a block was forgotten or is kept on purpose cannot be seen from outside. What every program keeps is listed
 * in system_kept.h; what a certain program keeps goes into its file of suppressions. In Python the end means the
 * moment before the interpreter shuts down (python_end.h).
 */
#define _GNU_SOURCE
#include "commands.h"
#include "python_end.h"
#include "python_kept.h"
#include "sampling.h"
#include "system_kept.h"
#include "show.h"
#include "source_file.h"
#include "suppress.h"
#include "text.h"
#include "units.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIMIT 20

#define NOT_SAID (-1)
#define PYTHON_LEAST (64 << 10) /* less may be the interpreter's own caches */

static int64_t limit = DEFAULT_LIMIT, least = NOT_SAID;
static int fail, all;
static const char *suppressions_file;
static struct filter filter;

static const struct option_spec options[] = {
    {"limit", OPTION_NUMBER, &limit, "N", "stacks to show (default: 20; 0: all)", NULL},
    {"suppressions", OPTION_TEXT, &suppressions_file, "FILE",
     "leave out known ones: leak:PATTERN, as LeakSanitizer's", NULL},
    SHOW_ALL_FRAMES,
    {"all", OPTION_FLAG, &all, NULL, "with what the system's libraries and Python keep in every program",
     NULL},
    {"fail", OPTION_FLAG, &fail, NULL, "exit status 3 where a line leaves more than --min", NULL},
    {"min", OPTION_BYTES, &least, "BYTES", "what --fail lets pass of a line (default: 0; in Python 64KiB)",
     NULL},
    SOURCE_OPTION,
    FILTER_OPTIONS(filter),
    FILTER_MOMENTS(filter),
    {0},
};

const struct manual manual_leaks = {
    .operands = "[RUN]",
    .about =
        "Shows what is live at the end of a run, by stack: forgotten, or kept on purpose. A suppression's\n"
        "PATTERN is looked for in the function, file and module of each frame; * is anything, ^ and $ the "
        "ends.\n"
        "Of Python it is what was live when the interpreter began to tear itself down, after atexit.\n"
        "With --from, --to: stacks of which more is live at the end of that part than at its beginning.",
    .options = options,
    .examples = {{"", "the largest stacks whose blocks were never freed"},
                 {"--suppressions known.supp --fail",
                  "in a CI job: fail where there is more than what is known"}},
    .most = 1,
};

/* What is left out of the report, with its sums; and the lines that --min is about. */
struct left_out {
    struct suppressions by_user;
    struct kept kept;
    struct python_end python;
    int64_t *of_place; /* by place of kept.profile: all that its line leaves in the stacks that are shown */
    size_t above;      /* lines that leave more than --min */
};

struct innermost {
    const struct profile *profile;
    uint32_t place;
    bool python;
};

static void look_at(void *context, const struct profile_frame *frame, uint32_t place)
{
    struct innermost *line = context;
    const struct profile_place *p = &line->profile->places[place];
    bool python = strcmp(p->language, "python") == 0;

    (void)frame;
    if (line->place == PROFILE_NONE || (python && !line->python) ||
        (!python && line->profile->places[line->place].library_code && !line->python))
        line->place = place;
    line->python |= python;
}

/* Adds up what a program's line leaves in different stacks: small blocks add up, too. */
static int count_line(struct left_out *out, int64_t stack, const struct store_measures *m)
{
    uint32_t node = profile_node_index(&out->kept.profile, stack);
    struct innermost line = {&out->kept.profile, PROFILE_NONE, false};
    int64_t may = least != NOT_SAID                                                       ? least
                  : out->python.processes > 0 || out->kept.python[node] != PYTHON_NOWHERE ? PYTHON_LEAST
                                                                                          : 0;

    profile_walk(line.profile, node, look_at, &line);
    int64_t *sum = &out->of_place[line.place], before = *sum;

    *sum += m->live_bytes;
    out->above += (before <= may && *sum > may) || (may == 0 && *sum == 0);
    return 1;
}

static int wanted(void *context, int64_t stack, const struct store_measures *m)
{
    struct left_out *out = context;

    return m->live_allocations > 0 &&
           (out->by_user.count == 0 || !suppressions_match(&out->by_user, stack, m)) &&
           (all || !kept_match(&out->kept, stack, m)) && count_line(out, stack, m);
}

static int64_t kept_stacks(const struct kept *kept, bool interpreter)
{
    int64_t stacks = 0;

    for (size_t i = 0; i < kept->count; i++)
        stacks += kept->kinds[i].interpreter == interpreter ? kept->kinds[i].stacks : 0;
    return stacks;
}

/* Prints "701 KiB in 5,721 blocks  what"; `what` goes on a line of its own if both do not fit. */
static void print_amount(const struct report *report, const struct store_measures *m, const char *what)
{
    char a[UNITS_SIZE], b[UNITS_SIZE];
    int used = printf("%8s in %s block%s", units_bytes(a, m->live_bytes, report->bytes),
                      units_count(b, m->live_allocations), m->live_allocations == 1 ? "" : "s");

    if (report->width <= 0 || (size_t)used + 2 + text_width(what) <= (size_t)report->width) {
        printf("  %s\n", what);
        return;
    }
    printf("\n%12s", "");
    text_wrap(stdout, what, (size_t)report->width - 12, 0);
}

static void print_kept(const struct report *report, const struct kept *kept, bool interpreter)
{
    if (kept_stacks(kept, interpreter) > 0)
        printf("\nKept by %s (--all shows it)\n",
               interpreter ? "the interpreter" : "system libraries in every program");
    for (size_t i = 0; i < kept->count; i++)
        if (kept->kinds[i].stacks > 0 && kept->kinds[i].interpreter == interpreter)
            print_amount(report, &kept->kinds[i].m, kept->kinds[i].what);
}

static void print_suppressed(const struct report *report, const struct suppressions *s)
{
    const char *heading = "\nSuppressed\n";

    for (size_t i = 0; i < s->count; i++) {
        if (s->list[i].sites == 0)
            continue;
        char *pattern = text_harmless(s->list[i].pattern);

        fputs(heading, stdout);
        print_amount(report, &s->list[i].m, pattern);
        heading = "";
        free(pattern);
    }
}

/* With --fail: how many lines leave more than --min. */
static void print_above(const struct report *report, const struct left_out *out)
{
    char a[UNITS_SIZE], b[UNITS_SIZE];
    int64_t may = least != NOT_SAID ? least : out->python.processes > 0 ? PYTHON_LEAST : 0;

    if (!fail || may == 0)
        return;
    if (out->above == 0)
        printf("\nNo line leaves more than %s.\n", units_bytes(a, may, report->bytes));
    else
        printf("\n%s line%s more than %s.\n", units_count(b, (int64_t)out->above),
               out->above == 1 ? " leaves" : "s leave", units_bytes(a, may, report->bytes));
}

static int print_text(const struct report *report, const struct lines_query *query, const struct lines *lines,
                      const struct left_out *out)
{
    char a[UNITS_SIZE], b[UNITS_SIZE], c[UNITS_SIZE];
    const struct store_measures *m = &lines->sum;
    bool past = out->python.processes > 0;
    int status = EXIT_FINE;

    run_headline(report, query->run);
    filter_print(report, &filter, query->run, &lines->sum);
    run_explain_empty(report, query->run);
    const char *end = query->run->window.set      ? "more live at the end of this part"
                      : out->python.processes > 0 ? "live when Python began to end"
                      : query->run->t.end_bytes != query->run->t.m.live_bytes
                          ? "never freed by the process that had it"
                          : "live at the end";

    if (lines->all == 0 && query->run->t.m.allocations > 0)
        printf("Nothing %s %s%s.\n", past ? "was" : "is", end,
               out->by_user.count > 0               ? " but what is suppressed"
               : kept_stacks(&out->kept, true) > 0  ? " but what the interpreter keeps"
               : kept_stacks(&out->kept, false) > 0 ? " but what system libraries keep"
               : filter_is_set(&filter)             ? " in what matches"
                                                    : "");
    if (lines->all > 0) {
        char *text =
            text_make("%s in %s block%s %s, from %s stack%s", units_bytes(a, m->live_bytes, report->bytes),
                      units_count(b, m->live_allocations),
                      m->live_allocations == 1 ? (past ? " was" : " is")
                      : past                   ? "s were"
                                               : "s are",
                      end, units_count(c, (int64_t)lines->all), lines->all == 1 ? "" : "s");

        text_wrap(stdout, text, (size_t)report->width, 0);
        putchar('\n');
        free(text);
        status = show_lines(report, query, lines, NULL, 0);
    }
    if (out->python.unknown > 0)
        printf("\nOf %s process%s what was live when Python began to end is not known, as it had too many "
               "stacks: the end is shown.\n",
               units_count(a, out->python.unknown), out->python.unknown == 1 ? "" : "es");
    print_suppressed(report, &out->by_user);
    print_kept(report, &out->kept, true);
    print_kept(report, &out->kept, false);
    print_above(report, out);
    report_next(report, "top", "--by live", "the same by line");
    return status;
}

static int print_json(const struct report *report, const struct lines_query *query, const struct lines *lines,
                      const struct left_out *out)
{
    const struct suppressions *s = &out->by_user;
    struct json json;

    json_begin(&json, stdout, "libtrace.leaks/1");
    run_json(&json, "run", query->run);
    filter_json(&json, &filter, query->run);
    json_number(&json, "rows_in_all", (int64_t)lines->all);
    json_number(&json, "live_allocations", lines->sum.live_allocations);
    json_number(&json, "live_bytes", lines->sum.live_bytes);
    if (sampling_is_on(query->run)) {
        json_number(&json, "live_allocations_error",
                    llround(variances_error(&lines->sum_v, MEASURE_live_allocations)));
        json_number(&json, "live_bytes_error", llround(variances_error(&lines->sum_v, MEASURE_live_bytes)));
    }
    json_number(&json, "python_ends", out->python.processes);
    json_number(&json, "python_ends_unknown", out->python.unknown);
    json_number(&json, "lines_above_min", (int64_t)out->above);
    json_array(&json, "suppressed");
    for (size_t i = 0; i < s->count; i++) {
        json_object(&json, NULL);
        json_text(&json, "pattern", s->list[i].pattern);
        json_number(&json, "stacks", s->list[i].sites);
        json_number(&json, "live_allocations", s->list[i].m.live_allocations);
        json_number(&json, "live_bytes", s->list[i].m.live_bytes);
        json_close(&json);
    }
    json_close(&json);
    json_array(&json, "kept");
    for (size_t i = 0; i < out->kept.count; i++) {
        const struct kept_kind *kind = &out->kept.kinds[i];

        if (kind->stacks == 0)
            continue;
        json_object(&json, NULL);
        json_text(&json, "what", kind->what);
        json_text(&json, "by", kind->interpreter ? "interpreter" : "system");
        json_number(&json, "stacks", kind->stacks);
        json_number(&json, "live_allocations", kind->m.live_allocations);
        json_number(&json, "live_bytes", kind->m.live_bytes);
        json_close(&json);
    }
    json_close(&json);
    json_array(&json, "rows");
    int status = show_lines_json(report, &json, query, lines, NULL, 0);

    json_close(&json);
    json_end(&json);
    return status;
}

static int judge(const struct report *report, const struct run *run, const struct left_out *out)
{
    if (!fail)
        return EXIT_FINE;
    if (run->state != RUN_COMPLETE)
        return report_error(report, EXIT_FAILED, "run %lld is %s: what it leaves at its end is not known",
                            (long long)run->number, run_states[run->state]);
    return out->above > 0 ? EXIT_LIMIT : EXIT_FINE;
}

int command_leaks(struct report *report, int argc, char **argv)
{
    struct run run = {0};
    struct lines lines = {0};
    struct left_out out = {0};
    int operands, status = args_parse(report, &manual_leaks, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    struct lines_query query = {.run = &run,
                                .group = GROUP_STACK,
                                .by = MEASURE_live_bytes,
                                .filter = &filter,
                                .limit = (size_t)limit,
                                .wanted = wanted,
                                .context = &out};

    status = report_open(report);
    if (status == EXIT_FINE)
        status = run_find_window(report, operands > 0 ? argv[1] : NULL, &run);
    if (status == EXIT_FINE)
        status = filter_prepare(report, &filter, &run, MEASURE_live_bytes);
    if (status == EXIT_FINE && suppressions_file != NULL)
        status = suppressions_load(report, suppressions_file, &run, &out.by_user);
    if (status == EXIT_FINE && !run.window.set)
        status = python_end_resolve(report, &run, &out.python);
    if (status == EXIT_FINE)
        status = kept_load(report, &run, out.python.processes > 0, &out.kept);
    if (status == EXIT_FINE) {
        out.of_place = calloc(out.kept.profile.place_count + 1, sizeof *out.of_place);
        status = lines_read(report, &query, &lines);
    }
    if (status == EXIT_FINE)
        status = report->json ? print_json(report, &query, &lines, &out)
                              : print_text(report, &query, &lines, &out);
    if (status == EXIT_FINE)
        status = judge(report, &run, &out);
    suppressions_free(&out.by_user);
    kept_free(&out.kept);
    free(out.of_place);
    lines_free(&lines);
    filter_free(&filter);
    run_free(&run);
    return status;
}
