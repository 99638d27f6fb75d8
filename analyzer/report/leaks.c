/* leaks.c - trace-report leaks: what is live at the end, stack by stack.
 *
 * Whether a block was forgotten or is kept on purpose cannot be seen from outside; what every program keeps is known
 * (system_kept.h), what is known of one goes into a file of suppressions.
 */
#include "commands.h"
#include "system_kept.h"
#include "show.h"
#include "source_file.h"
#include "suppress.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>

#define DEFAULT_LIMIT 20

static int64_t limit = DEFAULT_LIMIT;
static int fail, all;
static const char *suppressions_file;
static struct filter filter;

static const struct option_spec options[] = {
    {"limit", OPTION_NUMBER, &limit, "N", "stacks to show (default: 20; 0: all)", NULL},
    {"suppressions", OPTION_TEXT, &suppressions_file, "FILE",
     "leave out known ones: leak:PATTERN, as LeakSanitizer's", NULL},
    SHOW_ALL_FRAMES,
    {"all", OPTION_FLAG, &all, NULL, "with what the system's libraries keep in every program", NULL},
    {"fail", OPTION_FLAG, &fail, NULL, "exit status 3 where anything is left", NULL},
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
        "With --from, --to: stacks of which more is live at the end of that part than at its beginning.",
    .options = options,
    .examples = {{"", "the largest stacks whose blocks were never freed"},
                 {"--suppressions known.supp --fail",
                  "in a CI job: fail where there is more than what is known"}},
    .most = 1,
};

/* What is left out, and counted. */
struct left_out {
    struct suppressions by_user;
    struct kept kept;
};

static int wanted(void *context, int64_t stack, const struct store_measures *m)
{
    struct left_out *out = context;

    return m->live_allocations > 0 &&
           (out->by_user.count == 0 || !suppressions_match(&out->by_user, stack, m)) &&
           (out->kept.count == 0 || !kept_match(&out->kept, stack, m));
}

static int64_t kept_stacks(const struct kept *kept)
{
    int64_t stacks = 0;

    for (size_t i = 0; i < kept->count; i++)
        stacks += kept->kinds[i].stacks;
    return stacks;
}

static void print_window(const struct report *report, const struct store_measures *m, const char *what)
{
    char a[UNITS_SIZE], b[UNITS_SIZE];

    printf("%8s in %s block%s  %s\n", units_bytes(a, m->live_bytes, report->bytes),
           units_count(b, m->live_allocations), m->live_allocations == 1 ? "" : "s", what);
}

static void print_kept(const struct report *report, const struct kept *kept)
{
    if (kept_stacks(kept) > 0)
        printf("\nKept by system libraries in every program (--all shows it)\n");
    for (size_t i = 0; i < kept->count; i++)
        if (kept->kinds[i].stacks > 0)
            print_window(report, &kept->kinds[i].m, kept->kinds[i].what);
}

static void print_suppressed(const struct report *report, const struct suppressions *s)
{
    const char *heading = "\nSuppressed\n";

    for (size_t i = 0; i < s->count; i++) {
        char *pattern = s->list[i].sites > 0 ? text_harmless(s->list[i].pattern) : NULL;

        if (pattern == NULL)
            continue;
        fputs(heading, stdout);
        print_window(report, &s->list[i].m, pattern);
        heading = "";
        free(pattern);
    }
}

static int print_text(const struct report *report, const struct lines_query *query, const struct lines *lines,
                      const struct left_out *out)
{
    char a[UNITS_SIZE], b[UNITS_SIZE], c[UNITS_SIZE];
    const struct store_measures *m = &lines->sum;
    int status = EXIT_FINE;

    run_headline(report, query->run);
    filter_print(report, &filter, query->run, &lines->sum);
    run_explain_empty(report, query->run);
    const char *end = query->run->window.set ? "more live at the end of this part"
                      : query->run->t.end_bytes != query->run->t.m.live_bytes
                          ? "never freed by the process that had it"
                          : "live at the end";

    if (lines->all == 0 && query->run->t.m.allocations > 0)
        printf("Nothing is %s%s.\n", end,
               out->by_user.count > 0        ? " but what is suppressed"
               : kept_stacks(&out->kept) > 0 ? " but what system libraries keep"
               : filter_is_set(&filter)      ? " in what matches"
                                             : "");
    if (lines->all > 0) {
        printf("%s in %s block%s %s, from %s stack%s\n\n", units_bytes(a, m->live_bytes, report->bytes),
               units_count(b, m->live_allocations), m->live_allocations == 1 ? " is" : "s are", end,
               units_count(c, (int64_t)lines->all), lines->all == 1 ? "" : "s");
        status = show_lines(report, query, lines, NULL, 0);
    }
    print_suppressed(report, &out->by_user);
    print_kept(report, &out->kept);
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

static int judge(const struct report *report, const struct run *run, const struct lines *lines)
{
    if (!fail)
        return EXIT_FINE;
    if (run->state != RUN_COMPLETE)
        return report_error(report, EXIT_FAILED, "run %lld is %s: what it leaves at its end is not known",
                            (long long)run->number, run_states[run->state]);
    return lines->all > 0 ? EXIT_LIMIT : EXIT_FINE;
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
    if (status == EXIT_FINE && !all)
        status = kept_load(report, &run, &out.kept);
    if (status == EXIT_FINE)
        status = lines_read(report, &query, &lines);
    if (status == EXIT_FINE)
        status = report->json ? print_json(report, &query, &lines, &out)
                              : print_text(report, &query, &lines, &out);
    if (status == EXIT_FINE)
        status = judge(report, &run, &lines);
    suppressions_free(&out.by_user);
    kept_free(&out.kept);
    lines_free(&lines);
    filter_free(&filter);
    run_free(&run);
    return status;
}
