/* check_rss.c - see check_rss.h. */
#define _GNU_SOURCE
#include "check_rss.h"
#include "check_lines.h"
#include "rss_words.h"
#include "show.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PARTS 5 /* how many are named */
#define LEAST 0.01

/* Only whole processes can be limited: a line has no resident size of its own. */
static int is_of_processes(const struct report *report, const struct run *run, const struct filter *filter)
{
    if (!run->window.set && filter->from == NULL && filter->to == NULL && filter->thread == NULL &&
        !filter_has_names(filter) && !filter_has_stacks(filter))
        return EXIT_FINE;
    return report_error(report, EXIT_USAGE,
                        "--max-rss is a limit of whole processes: of the options that narrow it goes with "
                        "--process alone.");
}

int check_rss_read(struct report *report, const struct run *run, const struct filter *filter, int64_t limit,
                   struct check_rss *rss)
{
    int status = is_of_processes(report, run, filter);

    *rss = (struct check_rss){.limit = limit};
    if (status == EXIT_FINE)
        status = resident_read(report, run, filter, resident_highest, 1, &rss->at);
    if (status != EXIT_FINE)
        return status;
    if (rss->at.moments > 0)
        rss->value = rss->at.moment.resident;
    if (filter->process == NULL && run->t.peak_rss_bytes > rss->value)
        rss->value = run->t.peak_rss_bytes;
    if (rss->value > 0)
        return EXIT_FINE;
    char *why = filter->process != NULL ? rss_nothing_known(run, 1) : NULL;

    status = report_error(report, EXIT_FAILED, "--max-rss cannot be checked. %s",
                          why != NULL ? why : "The resident size of the run was never seen.");
    free(why);
    return status;
}

void check_rss_free(struct check_rss *rss)
{
    resident_free(&rss->at);
}

/* ---- showing --------------------------------------------------------------------------------- */

static const struct resident *sorted; /* for by_size */

static int by_size(const void *a, const void *b)
{
    int x = *(const int *)a, y = *(const int *)b;
    int64_t p = sorted->parts[x].bytes, q = sorted->parts[y].bytes;

    return p != q ? (p < q) - (p > q) : x - y;
}

/* Sorts the parts, the largest first; returns how many are worth naming. */
static size_t largest(const struct resident *r, int order[PAGES_PARTS])
{
    size_t count = 0;

    for (int i = 0; i < PAGES_PARTS; i++)
        order[i] = i;
    sorted = r;
    qsort(order, PAGES_PARTS, sizeof order[0], by_size);
    while (count < PARTS && r->moments > 0 && r->parts[order[count]].bytes > 0 &&
           (double)r->parts[order[count]].bytes >= LEAST * (double)r->moment.resident)
        count++;
    return count;
}

/* Prints "resident: 334 MiB, the limit is 300 MiB (+11.4 %)" without the first word. */
static void say_exceeded(FILE *out, const struct report *report, const struct check_rss *rss)
{
    char value[UNITS_SIZE], limit[UNITS_SIZE];
    const char *unit = "";

    units_bytes(value, rss->value, report->bytes);
    units_bytes(limit, rss->limit, report->bytes);
    if (strcmp(value, limit) == 0) { /* rounded, they would look the same */
        units_bytes(value, rss->value, 1);
        units_bytes(limit, rss->limit, 1);
        unit = " B";
    }
    fprintf(out, ": %s%s, the limit is %s%s", value, unit, limit, unit);
    if (rss->limit > 0)
        fprintf(out, " (%+.1f %%)", 100 * ((double)rss->value / (double)rss->limit - 1));
}

static void print_part(const struct report *report, const struct run *run, const struct resident_part *part,
                       const char *name)
{
    const struct resident_line *line = part->count > 0 ? &part->lines[0] : NULL;
    char bytes[UNITS_SIZE], of[UNITS_SIZE];
    char *raw = line != NULL ? show_place(run, line->file, line->line) : NULL,
         *place = text_harmless(raw != NULL                              ? raw
                                : line != NULL && line->name != NULL     ? line->name
                                : line != NULL && line->function != NULL ? text_basename(line->module)
                                                                         : ""),
         *function = line != NULL && line->function != NULL ? text_harmless(line->function) : NULL;

    char *text = *place != '\0' || function != NULL
                     ? text_make("  %s  %s%s%s", units_bytes(of, line->bytes, report->bytes), place,
                                 function != NULL ? "  " : "", function != NULL ? function : "")
                     : NULL;
    char *all = text_make("  %s  %s%s", units_bytes(bytes, part->bytes, report->bytes), name,
                          text != NULL ? text : "");

    if (report->width > 0)
        all = text_cut(all, (size_t)report->width, 0);
    printf("%s\n", all);
    free(text);
    free(all);
    free(raw);
    free(place);
    free(function);
}

void check_rss_print(const struct report *report, const struct run *run, const struct check_rss *rss)
{
    const struct resident *r = &rss->at;
    char moment[128], bytes[UNITS_SIZE];
    int order[PAGES_PARTS];
    size_t count = largest(r, order);

    printf("%sresident%s", report_color(report, "red"), report_color(report, "reset"));
    say_exceeded(stdout, report, rss);
    putchar('\n');
    if (count == 0)
        return;
    rss_moment(r, moment, sizeof moment);
    if (r->moment.resident != rss->value)
        printf("  of %s %s:\n", units_bytes(bytes, r->moment.resident, report->bytes), moment);
    else
        printf("  %s:\n", moment);
    for (size_t i = 0; i < count; i++)
        print_part(report, run, &r->parts[order[i]], resident_part_names[order[i]]);
}

/* Annotates the largest lines of the largest parts, each once. */
void check_rss_annotate(const struct report *report, const struct check_rss *rss)
{
    static const char title[] = "resident size above its limit";
    const struct resident *r = &rss->at;
    int order[PAGES_PARTS];
    size_t count = largest(r, order), annotated = 0, size;
    char *what = NULL;
    FILE *out = open_memstream(&what, &size);

    fputs("resident", out);
    say_exceeded(out, report, rss);
    fclose(out);
    for (size_t i = 0; i < count; i++) {
        const struct resident_part *part = &r->parts[order[i]];
        const struct resident_line *line = part->count > 0 ? &part->lines[0] : NULL;
        char bytes[UNITS_SIZE];

        if (line == NULL || line->file == NULL)
            continue;
        char *more =
            text_make("; this line: %s of what is %s, in %s", units_bytes(bytes, line->bytes, report->bytes),
                      resident_part_names[order[i]], line->function);

        check_lines_error(line->file, line->line, title, what, more);
        annotated++;
        free(more);
    }
    if (annotated == 0)
        check_lines_error(NULL, 0, title, what, "");
    free(what);
}

static void part_json(struct json *json, const struct resident_part *part, const char *name)
{
    const struct resident_line *line = part->count > 0 ? &part->lines[0] : NULL;

    json_object(json, NULL);
    json_text(json, "part", name);
    json_number(json, "bytes", part->bytes);
    json_array(json, "lines");
    if (line != NULL && line->function != NULL) {
        json_object(json, NULL);
        json_text(json, "file", line->file);
        json_number(json, "line", line->line);
        json_text(json, "function", line->function);
        json_text(json, "module", line->module);
        json_number(json, "value", line->bytes);
        json_close(json);
    }
    json_close(json);
    json_close(json);
}

void check_rss_json(struct json *json, const struct check_rss *rss)
{
    const struct resident *r = &rss->at;
    int order[PAGES_PARTS];
    size_t count = largest(r, order);

    json_object(json, NULL);
    json_text(json, "measure", "resident_bytes");
    json_number(json, "value", rss->value);
    json_number(json, "limit", rss->limit);
    json_true(json, "exceeded", check_rss_exceeded(rss));
    if (check_rss_exceeded(rss)) {
        rss_moment_json(json, r);
        json_array(json, "parts");
        for (size_t i = 0; i < count; i++)
            part_json(json, &r->parts[order[i]], resident_part_names[order[i]]);
        json_close(json);
    }
    json_close(json);
}
