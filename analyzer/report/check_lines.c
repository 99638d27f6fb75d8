/* check_lines.c - see check_lines.h. */
#define _GNU_SOURCE
#include "check_lines.h"
#include "names.h"
#include "show.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define LEAST 0.01 /* share of everything that grew; lines with less are not named */

#define LEAST_NAME 12 /* columns, however narrow the terminal is */

/* ---- which ----------------------------------------------------------------------------------- */

static int64_t change(const struct check_line *line)
{
    return line->value - (line->before > 0 ? line->before : 0);
}

/* Inserts the line among the largest, if it is one of them. */
static void offer(struct check_lines *lines, const struct check_line *line)
{
    size_t at = lines->count;

    if (change(line) <= 0)
        return;
    while (at > 0 && change(&lines->row[at - 1]) < change(line))
        at--;
    if (at == CHECK_LINES)
        return;
    if (lines->count < CHECK_LINES)
        lines->count++;
    memmove(&lines->row[at + 1], &lines->row[at], (lines->count - 1 - at) * sizeof *line);
    lines->row[at] = *line;
}

static void leave_out_small(struct check_lines *lines, double all)
{
    while (lines->count > 1 && (double)change(&lines->row[lines->count - 1]) < LEAST * all)
        lines->count--;
}

int check_lines_grown(const struct report *report, const struct side *before, const struct side *now,
                      enum measure measure, struct check_lines *lines)
{
    struct matches matches;
    int status = match_lines(report, before, now, GROUP_LINE, measure, &matches);
    int bytes = measures[measure].is_bytes;
    double all = 0;

    *lines = (struct check_lines){0};
    for (size_t i = 0; status == EXIT_FINE && i < matches.count; i++) {
        const struct match *m = &matches.rows[i];
        const struct check_line line = {.file = m->file,
                                        .line = m->line,
                                        .function = m->function,
                                        .module = m->module,
                                        .value = (int64_t)(bytes ? m->bytes[1] : m->count[1]),
                                        .before = (int64_t)(bytes ? m->bytes[0] : m->count[0])};

        all += change(&line) > 0 ? (double)change(&line) : 0;
        offer(lines, &line);
    }
    leave_out_small(lines, all);
    match_free(&matches);
    return status;
}

void check_lines_largest(const struct lines *now, enum measure measure, struct check_lines *lines)
{
    *lines = (struct check_lines){0};
    for (size_t i = 0; i < now->count; i++) {
        const struct line_row *row = &now->rows[i];
        const struct check_line line = {.file = row->file,
                                        .line = row->line,
                                        .function = row->function,
                                        .module = row->module,
                                        .value = measure_value(&row->m, measure),
                                        .before = -1};

        offer(lines, &line);
    }
    leave_out_small(lines, (double)measure_value(&now->sum, measure));
}

/* ---- showing --------------------------------------------------------------------------------- */

static char *amount(const struct report *report, char *out, enum measure measure, int64_t value)
{
    return measures[measure].is_bytes ? units_bytes(out, value, report->bytes) : units_count(out, value);
}

/* "+4.00 MiB (2.00 MiB -> 6.00 MiB)", or "6.00 MiB"; malloc'ed. */
static char *amounts(const struct report *report, enum measure measure, const struct check_line *line)
{
    char grown[UNITS_SIZE], before[UNITS_SIZE], value[UNITS_SIZE];

    amount(report, value, measure, line->value);
    if (line->before < 0)
        return strdup(value);
    return text_make("+%s (%s -> %s)", amount(report, grown, measure, change(line)),
                     amount(report, before, measure, line->before), value);
}

/* As much of a name as there is room for behind so many columns; all of it where nobody looks. */
static char *fitting_name(const struct report *report, const char *function, size_t before)
{
    char *name = text_harmless(function), *cut;
    size_t width = (size_t)report->width;

    if (report->width <= 0)
        return name;
    cut = names_cut(name, width > before + LEAST_NAME ? width - before : LEAST_NAME);
    free(name);
    return cut;
}

void check_lines_print(const struct report *report, const struct run *run, enum measure measure,
                       const struct check_lines *lines)
{
    for (size_t i = 0; i < lines->count; i++) {
        const struct check_line *line = &lines->row[i];
        char *raw = show_place(run, line->file, line->line),
             *place = text_harmless(raw != NULL ? raw : text_basename(line->module)),
             *text = amounts(report, measure, line);
        size_t before = 6 + text_width(text) + text_width(place);
        char *function = fitting_name(report, line->function, before);

        printf("  %s  %s  %s\n", text, place, function);
        free(raw);
        free(place);
        free(function);
        free(text);
    }
}

void check_lines_json(struct json *json, const struct check_lines *lines)
{
    json_array(json, "lines");
    for (size_t i = 0; i < lines->count; i++) {
        const struct check_line *line = &lines->row[i];

        json_object(json, NULL);
        json_text(json, "file", line->file);
        json_number(json, "line", line->line);
        json_text(json, "function", line->function);
        json_text(json, "module", line->module);
        json_number(json, "value", line->value);
        if (line->before >= 0)
            json_number(json, "before", line->before);
        json_close(json);
    }
    json_close(json);
}

/* ---- annotations ----------------------------------------------------------------------------- */

/* Escapes the text of a workflow command; a property's value must not contain its separators either. */
static void put_escaped(const char *text, int property)
{
    for (; *text != '\0'; text++)
        if (*text == '%' || *text == '\r' || *text == '\n' || (property && (*text == ':' || *text == ',')))
            fprintf(stderr, "%%%02X", (unsigned char)*text);
        else
            fputc(*text, stderr);
}

static void put_harmless(const char *text, int property)
{
    char *harmless = text_harmless(text);

    put_escaped(harmless, property);
    free(harmless);
}

/* GitHub names files relative to the repository: the file's path below its workspace, or below the current
 * directory. */
static const char *in_repository(const char *file)
{
    char here[4096];
    const char *folders[] = {getenv("GITHUB_WORKSPACE"), getcwd(here, sizeof here)};

    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        size_t length = folders[i] != NULL ? strlen(folders[i]) : 0;

        while (length > 0 && folders[i][length - 1] == '/')
            length--;
        if (length > 0 && strncmp(file, folders[i], length) == 0 && file[length] == '/')
            return file + length + strspn(file + length, "/");
    }
    return file;
}

void check_lines_error(const char *file, int64_t line, const char *title, const char *what, const char *more)
{
    fputs("::error ", stderr);
    if (file != NULL) {
        fputs("file=", stderr);
        put_harmless(in_repository(file), 1);
        fprintf(stderr, ",line=%lld,", (long long)(line > 0 ? line : 1));
    }
    fputs("title=", stderr);
    put_harmless(title, 1);
    fputs("::", stderr);
    put_harmless(what, 0);
    put_harmless(more, 0);
    fputc('\n', stderr);
}

void check_lines_annotate(const struct report *report, enum measure measure, const char *what,
                          const struct check_lines *lines)
{
    size_t annotated = 0;
    char title[96];

    snprintf(title, sizeof title, "%s above its limit", measures[measure].called);
    for (size_t i = 0; i < lines->count; i++) {
        const struct check_line *line = &lines->row[i];

        if (line->file == NULL)
            continue;
        char *text = amounts(report, measure, line),
             *more = text_make("; this line: %s, in %s", text, line->function);

        check_lines_error(line->file, line->line, title, what, more);
        annotated++;
        free(more);
        free(text);
    }
    if (annotated == 0)
        check_lines_error(NULL, 0, title, what, "");
}
