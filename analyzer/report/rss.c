/* rss.c - trace-report rss: why a process is as large as it is, by part and by line. */
#define _GNU_SOURCE
#include "commands.h"
#include "names.h"
#include "resident.h"
#include "rss_advice.h"
#include "rss_words.h"
#include "sampling.h"
#include "show.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_LIMIT 5
#define NARROW 90     /* from this many columns on, the lines of a part are indented to its name */
#define LEAST_NAME 30 /* columns that a long place leaves to the function after it */

static int64_t limit = DEFAULT_LIMIT;
static const char *at;
static struct filter filter;

static const struct option_spec options[] = {
    {"at", OPTION_TEXT, &at, "MOMENT",
     "a mark, a time (90, 2h30m, -1h), 'peak' or 'end' (default: the latest, mostly the end)", NULL},
    {"limit", OPTION_NUMBER, &limit, "N", "lines to show of each part (default: 5; 0: all)", NULL},
    {"process", OPTION_TEXT, &filter.process, "P", "processes: number in the run, PID, or a glob (python*)",
     NULL},
    {0},
};

const struct manual manual_rss = {
    .operands = "[RUN]",
    .about = "Shows where the resident memory of a run's processes was, at one moment. Each page counts "
             "once, so that "
             "the parts\n"
             "add up to the resident size: live blocks, what they are rounded up by, what is free but on "
             "pages with live\n"
             "blocks (pinned, by the lines of these), free pages of the allocator, what the program mapped "
             "itself, stacks,\n"
             "files, the tracer, and other mappings by name. A time means the latest moment up to it.",
    .options = options,
    .examples = {{"", "the end of the latest run"},
                 {"--at peak --limit 20", "where it was highest"},
                 {"list --at loaded", "when run 'list' set the mark 'loaded'"}},
    .most = 1,
    .whole = "a moment has no length. Name it with --at",
};

struct shown {
    const struct report *report;
    const struct run *run;
    const struct resident *resident;
    size_t numbers; /* columns of the longest number of bytes */
};

/* ---- text ------------------------------------------------------------------------------------ */

/* Prints a line, cut to the terminal's width, and frees text. */
static void put(const struct report *report, const char *color, char *text)
{
    if (report->width > 0)
        text = text_cut(text, (size_t)report->width, 0);
    printf("%s%s%s\n", report_color(report, color), text, report_color(report, "reset"));
    free(text);
}

static void put_sentence(const struct report *report, const char *color, const char *text, size_t indent)
{
    char *harmless = text_harmless(text);

    fputs(report_color(report, color), stdout);
    text_wrap(stdout, harmless, report->width > 2 ? (size_t)report->width - 2 : 0, indent);
    fputs(report_color(report, "reset"), stdout);
    free(harmless);
}

/* Explains a part. Only for the C library's allocator is it known how free memory is given back. */
static const char *about(const struct resident *r, int part)
{
    static const char *const texts[RESIDENT_GROUPS] = {
        [PAGES_LIVE] = "live: blocks in use, as they were asked for",
        [PAGES_ROUNDING] = "rounding: headers of blocks, and what they were rounded up by",
        [PAGES_PINNED] = "pinned: free, but on pages that live blocks hold",
        [PAGES_FREE] = "free in the allocator: pages without a live block",
        [PAGES_MAPPED] = "mapped by the program or its libraries, for no allocator",
        [PAGES_STACKS] = "stacks of threads",
        [PAGES_FILES] = "files: code and data that is mapped from them",
        [PAGES_TRACER] = "tracer: libtrace's own in the program",
        [PAGES_OTHER] = "other mappings",
        [STORE_PAGES_UNTOUCHED] = "live, but never touched or not resident: no memory is behind it",
    };

    if (part == PAGES_FREE && r->allocator == RESIDENT_GLIBC && !r->parts[PAGES_LIVE].python)
        return "free in the allocator; malloc_trim(0) would give it back";
    return texts[part];
}

static int is_named(const struct resident_line *line)
{
    return line->name != NULL || line->function != NULL;
}

/* "by cache.c:40  cache_put", or a mapping's name, in at most `room` columns: the path is cut first.
 * malloc'ed. */
static char *where(const struct shown *shown, const struct resident_line *line, size_t room)
{
    char *raw = show_place(shown->run, line->file, line->line);
    const char *of = line->name != NULL       ? line->name
                     : line->function == NULL ? "(no name)"
                     : raw != NULL            ? raw
                     : line->module != NULL   ? text_basename(line->module)
                                              : "";
    char *place = text_harmless(of), *name = line->function != NULL ? text_harmless(line->function) : NULL;

    if (shown->report->width > 0) {
        size_t named = name == NULL ? 0 : text_width(name) < LEAST_NAME ? text_width(name) : LEAST_NAME;

        place = text_cut(place, room > named + 16 ? room - named : 16, 1);
        char *cut = name != NULL
                        ? names_cut(name, room > text_width(place) + 10 ? room - text_width(place) : 10)
                        : NULL;

        free(name);
        name = cut;
    }
    char *text = text_make("%s%s%s%s", line->function != NULL ? "by " : "", place,
                           name != NULL && *place != '\0' ? "  " : "", name != NULL ? name : "");

    free(raw);
    free(place);
    free(name);
    return text;
}

/* A mapping has a line of code if the program mapped it by itself. */
static void print_line(const struct shown *shown, int part, const struct resident_line *line, size_t indent)
{
    char bytes[UNITS_SIZE], count[UNITS_SIZE], blocks[UNITS_SIZE + 16] = "";
    size_t width = (size_t)shown->report->width;

    units_bytes(bytes, line->bytes, shown->report->bytes);
    if (line->function != NULL ? line->blocks > 0 : line->blocks > 1)
        snprintf(blocks, sizeof blocks, "  %s %s%s", units_count(count, line->blocks),
                 line->function != NULL && part != PAGES_MAPPED ? "block" : "mapping",
                 line->blocks == 1 ? "" : "s");
    size_t taken = indent + shown->numbers + sizeof " by   " + strlen(blocks);
    char *place = where(shown, line, width > taken ? width - taken : 0);

    put(shown->report, "reset",
        text_make("%*s%*s %s%s", (int)indent, "", (int)shown->numbers, bytes, place, blocks));
    free(place);
}

static void print_rest(const struct shown *shown, const struct resident_part *part, size_t indent)
{
    char bytes[UNITS_SIZE], count[UNITS_SIZE];
    int64_t rest = part->bytes;

    for (size_t i = 0; i < part->count; i++)
        rest = (int64_t)((uint64_t)rest - (uint64_t)part->lines[i].bytes);
    put(shown->report, "dim",
        text_make("%*s%*s (%s more)", (int)indent, "", (int)shown->numbers,
                  units_bytes(bytes, rest, shown->report->bytes),
                  units_count(count, (int64_t)(part->all - part->count))));
}

/* Prints "156 MiB  46.6 %  pinned: ...", broken at spaces, and the part's lines. */
static void print_part(const struct shown *shown, int which)
{
    const struct report *report = shown->report;
    const struct resident_part *part = &shown->resident->parts[which];
    const struct resident_moment *moment = &shown->resident->moment;
    char bytes[UNITS_SIZE], share[UNITS_SIZE] = "", *wrapped = NULL;
    size_t size, width = (size_t)report->width;

    if (which < PAGES_PARTS)
        units_percent(share, (double)part->bytes, (double)moment->resident);
    char *text =
        text_make("%*s  %6s  ", (int)shown->numbers, units_bytes(bytes, part->bytes, report->bytes), share);
    size_t indent = strlen(text);
    FILE *out = open_memstream(&wrapped, &size);

    text_wrap(out, about(shown->resident, which), width > indent + 20 ? width - indent : width, 0);
    fclose(out);
    printf("%s%s", report_color(report, "bold"), text);
    for (const char *line = wrapped, *end; (end = strchr(line, '\n')) != NULL; line = end + 1)
        printf("%*s%.*s\n", line == wrapped ? 0 : (int)indent, "", (int)(end - line), line);
    fputs(report_color(report, "reset"), stdout);
    free(text);
    free(wrapped);
    indent = width == 0 || width >= NARROW ? indent : 4;
    for (size_t i = 0; i < part->count; i++)
        if (part->lines[i].bytes != 0 && (is_named(&part->lines[i]) || part->all > 1))
            print_line(shown, which, &part->lines[i], indent);
    if (part->count < part->all)
        print_rest(shown, part, indent);
}

/* Shows the highest moment as well: programs free much before they end. */
static void print_highest(const struct shown *shown)
{
    const struct resident_moment *highest = &shown->resident->highest, *now = &shown->resident->moment;
    char a[UNITS_SIZE], t[UNITS_SIZE];

    if (highest->resident - highest->resident / 5 <= now->resident)
        return;
    char *text = text_make("At %s it was %s (--at peak).", units_seconds(t, (double)highest->t_ns / 1e9),
                           units_bytes(a, highest->resident, shown->report->bytes));

    put_sentence(shown->report, "dim", text, 2);
    free(text);
}

/* Says which processes and which moment the numbers are for. */
static void print_scope(const struct shown *shown)
{
    const struct resident *r = shown->resident;
    const struct report *report = shown->report;
    char a[UNITS_SIZE], b[UNITS_SIZE], *text;

    for (int i = 0; i < r->missing.count; i++) {
        text = text_make("Not all could be seen: %s", r->missing.text[i]);
        put_sentence(report, "yellow", text, 2);
        free(text);
    }
    if (r->moment.processes > 1 && r->moment.pss > 0 && r->moment.pss < r->moment.resident) {
        text = text_make("What processes share counts for each of them; by shares it is %s.",
                         units_bytes(a, r->moment.pss, report->bytes));
        put_sentence(report, "dim", text, 2);
        free(text);
    }
    if (r->moment.processes >= shown->run->processes || filter.process != NULL)
        return;
    text =
        r->process != 0
            ? text_make("Only process %lld of the run's %s was looked at then%s%s (--process names others)",
                        (long long)r->process, units_count(b, shown->run->processes),
                        r->command != NULL ? ": " : "", r->command != NULL ? r->command : "")
            : text_make("Only %s of the run's %s processes were looked at then (--process names others)",
                        units_count(a, r->moment.processes), units_count(b, shown->run->processes));
    put_sentence(report, "dim", text, 2);
    free(text);
}

static int has_parts(const struct resident *r)
{
    for (int i = 0; i < PAGES_PARTS; i++)
        if (r->parts[i].all > 0)
            return 1;
    return 0;
}

static void print_head(const struct shown *shown)
{
    const struct resident *r = shown->resident;
    const struct report *report = shown->report;
    char a[UNITS_SIZE], b[UNITS_SIZE], moment[512], processes[64] = "", asked[UNITS_SIZE + 40] = "";

    rss_moment(r, moment, sizeof moment);
    if (r->moment.processes > 1)
        snprintf(processes, sizeof processes, " in %lld processes", (long long)r->moment.processes);
    if (has_parts(r) && !sampling_is_on(shown->run))
        snprintf(asked, sizeof asked, "; the program asked for %s of it",
                 units_bytes(b, r->parts[PAGES_LIVE].bytes, report->bytes));
    char *text = r->moment.resident == 0 && r->missing.count > 0
                     ? text_make("How much was resident %s is not known", moment)
                     : text_make("resident %s%s %s%s", units_bytes(a, r->moment.resident, report->bytes),
                                 processes, moment, asked);

    put_sentence(report, "bold", text, 2);
    free(text);
    print_highest(shown);
    print_scope(shown);
}

static const struct resident *sorted; /* for by_size */

static int by_size(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    int64_t p = sorted->parts[x].bytes, q = sorted->parts[y].bytes;

    return p != q ? (p < q) - (p > q) : x - y;
}

/* Sorts the parts, the largest first. */
static void sort(const struct resident *r, int order[PAGES_PARTS])
{
    for (int i = 0; i < PAGES_PARTS; i++)
        order[i] = i;
    sorted = r;
    qsort(order, PAGES_PARTS, sizeof order[0], by_size);
}

static void print_beside(const struct shown *shown)
{
    const struct resident *r = shown->resident;
    char a[UNITS_SIZE];

    if (r->unexplained != 0 && r->missing.count == 0) {
        char *text = text_make(
            "The parts differ from what was resident by %s: the record of this moment is not whole.",
            units_bytes(a, r->unexplained, shown->report->bytes));

        put_sentence(shown->report, "red", text, 2);
        free(text);
    }
    if (r->parts[STORE_PAGES_UNTOUCHED].bytes > 0 || r->moment.swapped > 0)
        printf("\n%sBeside that%s\n", report_color(shown->report, "bold"),
               report_color(shown->report, "reset"));
    if (r->parts[STORE_PAGES_UNTOUCHED].bytes > 0)
        print_part(shown, STORE_PAGES_UNTOUCHED);
    if (r->moment.swapped > 0)
        put(shown->report, "reset",
            text_make("%*s          swapped out", (int)shown->numbers,
                      units_bytes(a, r->moment.swapped, shown->report->bytes)));
}

/* Columns that the parts' numbers take; no line's number is longer. */
static size_t widest(const struct report *report, const struct resident *r)
{
    char out[UNITS_SIZE];
    size_t width = 8;

    for (int i = 0; i < RESIDENT_GROUPS; i++) {
        size_t n = strlen(units_bytes(out, r->parts[i].bytes, report->bytes));

        width = n > width ? n : width;
    }
    return width;
}

static void print_advice(const struct shown *shown)
{
    struct sentences advice = {.count = 0};

    rss_advice(shown->report, shown->run, shown->resident, &advice);
    if (advice.count > 0)
        printf("\n%sWhat helps%s\n", report_color(shown->report, "bold"),
               report_color(shown->report, "reset"));
    for (int i = 0; i < advice.count; i++)
        put_sentence(shown->report, "reset", advice.text[i], 2);
    sentences_free(&advice);
}

static void print_text(const struct report *report, const struct run *run, const struct resident *r)
{
    struct shown shown = {report, run, r, widest(report, r)};
    int order[PAGES_PARTS];

    run_headline(report, run);
    filter_print(report, &filter, NULL, NULL);
    if (r->moments == 0) {
        char *text = rss_nothing_known(run, filter.process != NULL);

        put_sentence(report, "reset", text != NULL ? text : "", 0);
        free(text);
        report_next(report, "timeline", "", "the heap and the resident size over time");
        return;
    }
    print_head(&shown);
    sort(r, order);
    if (has_parts(r))
        putchar('\n');
    for (int i = 0; i < PAGES_PARTS; i++)
        if (r->parts[order[i]].bytes != 0)
            print_part(&shown, order[i]);
    print_beside(&shown);
    print_advice(&shown);
    if (r->highest.id != r->moment.id && r->highest.resident > r->moment.resident)
        report_next(report, "rss", "--at peak", "when more was resident");
    else
        report_next(report, "leaks", "", "what is live, with its stacks");
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void lines_json(struct json *json, const char *key, const struct resident_part *part)
{
    json_array(json, key);
    for (size_t i = 0; i < part->count; i++) {
        const struct resident_line *line = &part->lines[i];

        json_object(json, NULL);
        if (line->function == NULL) {
            json_text(json, "name", line->name);
            json_number(json, "bytes", line->bytes);
            json_number(json, "mappings", line->blocks);
        } else {
            json_text(json, "file", line->file);
            json_number(json, "line", line->line);
            json_text(json, "function", line->function);
            json_text(json, "module", line->module);
            json_number(json, "bytes", line->bytes);
            json_number(json, "blocks", line->blocks);
        }
        json_close(json);
    }
    json_close(json);
}

static void known(struct json *json, const char *key, int is_known, int64_t bytes)
{
    if (is_known)
        json_number(json, key, bytes);
    else
        json_null(json, key);
}

static void missing_json_of(struct json *json, const struct run *run, const struct resident *r)
{
    char *nothing = r->moments == 0 ? rss_nothing_known(run, filter.process != NULL) : NULL;

    json_array(json, "missing");
    if (nothing != NULL)
        json_text(json, NULL, nothing);
    for (int i = 0; i < r->missing.count; i++)
        json_text(json, NULL, r->missing.text[i]);
    json_close(json);
    free(nothing);
}

static void print_json(const struct report *report, const struct run *run, const struct resident *r)
{
    struct sentences advice = {.count = 0};
    struct json json;
    int order[PAGES_PARTS];

    sort(r, order);
    json_begin(&json, stdout, "libtrace.rss/1");
    run_json(&json, "run", run);
    filter_json(&json, &filter, NULL);
    rss_moment_json(&json, r);
    known(&json, "resident_bytes", r->moments > 0, r->moment.resident);
    known(&json, "pss_bytes", r->moments > 0 && r->moment.pss >= 0, r->moment.pss);
    known(&json, "untouched_bytes", r->moments > 0, r->moment.untouched);
    known(&json, "swapped_bytes", r->moments > 0, r->moment.swapped);
    json_array(&json, "parts");
    for (int i = 0; i < PAGES_PARTS; i++) {
        const struct resident_part *part = &r->parts[order[i]];

        if (part->all == 0)
            continue;
        json_object(&json, NULL);
        json_text(&json, "part", resident_part_names[order[i]]);
        json_number(&json, "bytes", part->bytes);
        json_number(&json, "lines_in_all", (int64_t)part->all);
        lines_json(&json, "lines", part);
        json_close(&json);
    }
    json_close(&json);
    lines_json(&json, "untouched", &r->parts[STORE_PAGES_UNTOUCHED]);
    missing_json_of(&json, run, r);
    rss_advice(report, run, r, &advice);
    json_array(&json, "helps");
    for (int i = 0; i < advice.count; i++)
        json_text(&json, NULL, advice.text[i]);
    sentences_free(&advice);
    json_end(&json);
}

/* ---- the subcommand -------------------------------------------------------------------------- */

int command_rss(struct report *report, int argc, char **argv)
{
    struct run run = {0};
    struct resident resident = {0};
    int operands, status = args_parse(report, &manual_rss, argc, argv, &operands);

    if (status != ARGS_GO_ON)
        return status;
    report->fresh_pages = 1;
    status = report_open(report);
    if (status == EXIT_FINE)
        status = run_find(report, operands > 0 ? argv[1] : NULL, &run);
    if (status == EXIT_FINE)
        status = filter_prepare(report, &filter, &run, MEASURE_live_bytes);
    if (status == EXIT_FINE)
        status = resident_read(report, &run, &filter, at, (size_t)limit, &resident);
    if (status == EXIT_FINE && report->json)
        print_json(report, &run, &resident);
    else if (status == EXIT_FINE)
        print_text(report, &run, &resident);
    resident_free(&resident);
    filter_free(&filter);
    run_free(&run);
    return status;
}
