/* verdict.c - see verdict.h. */
#include "verdict.h"

#include <stdio.h>
#include <stdlib.h>

#define ROWS 5
#define CHURN 0.1 /* share of all allocations from which on temporary ones are worth mentioning */

static int wanted(void *context, int64_t stack, const struct store_measures *m)
{
    struct verdict_facts *verdict = context;

    if (m->live_allocations <= 0)
        return 0;
    if (!kept_match(&verdict->kept, stack, m))
        return 1;
    measures_add(&verdict->kept_sum, m);
    return 0;
}

int verdict_read(const struct report *report, struct run *run, struct verdict_facts *verdict)
{
    const struct lines_query leaks = {.run = run,
                                      .group = GROUP_STACK,
                                      .by = MEASURE_live_bytes,
                                      .limit = ROWS,
                                      .wanted = wanted,
                                      .context = verdict},
                             churn = {.run = run, .by = MEASURE_temporary, .limit = ROWS};
    int status = lines_read(report, &churn, &verdict->churn);

    if (status == EXIT_FINE)
        status = python_end_resolve(report, run, &verdict->python);
    if (status == EXIT_FINE)
        status = kept_load(report, run, verdict->python.processes > 0, &verdict->kept);
    if (status == EXIT_FINE)
        status = lines_read(report, &leaks, &verdict->leaks);
    run->window.sites[0] = '\0'; /* everything else is about the end of the run */
    return status;
}

static void json_rows(struct json *json, const struct lines *lines, size_t rows, const enum measure *shown)
{
    json_array(json, "rows");
    for (size_t i = 0; i < lines->count && i < rows; i++) {
        const struct line_row *row = &lines->rows[i];

        if (measure_value(&row->m, shown[0]) <= 0)
            break;
        json_object(json, NULL);
        json_text(json, "file", row->file);
        json_number(json, "line", row->line);
        json_text(json, "function", row->function);
        json_text(json, "module", row->module);
        for (int k = 0; k < 2; k++)
            json_number(json, measures[shown[k]].name, measure_value(&row->m, shown[k]));
        json_close(json);
    }
    json_close(json);
}

static void json_next(const struct report *report, struct json *json, const char *command,
                      const char *options, const char *why)
{
    char *line = report_command(report, command, options);

    json_object(json, NULL);
    json_text(json, "command", line);
    json_text(json, "why", why);
    json_close(json);
    free(line);
}

void verdict_json(struct report *report, struct json *json, const struct run *run,
                  const struct verdict_facts *verdict, size_t rows)
{
    static const enum measure left[] = {MEASURE_live_bytes, MEASURE_live_allocations},
                              temporary[] = {MEASURE_temporary, MEASURE_allocations};
    const struct store_measures *m = &run->t.m;
    double share = m->allocations > 0 ? (double)m->temporary / (double)m->allocations : 0;
    char number[32];

    json_object(json, "leaks");
    json_text(json, "moment", verdict->python.processes > 0 ? "python_end" : "end");
    json_number(json, "live_allocations", verdict->leaks.sum.live_allocations);
    json_number(json, "live_bytes", verdict->leaks.sum.live_bytes);
    json_number(json, "kept_allocations", verdict->kept_sum.live_allocations);
    json_number(json, "kept_bytes", verdict->kept_sum.live_bytes);
    json_rows(json, &verdict->leaks, rows, left);
    json_close(json);
    json_object(json, "churn");
    json_number(json, "temporary", m->temporary);
    json_real(json, "share", share);
    json_rows(json, &verdict->churn, rows, temporary);
    json_close(json);
    json_array(json, "next");
    snprintf(number, sizeof number, "%lld", (long long)run->number);
    const char *named = report->run;

    report->run = number;
    json_next(report, json, "top", "--stacks 1", "who made up the peak");
    if (verdict->advised)
        json_next(report, json, "advise", "", "what could be done, and what that saves");
    if (verdict->leaks.count > 0)
        json_next(report, json, "leaks", "", "the stacks of what is left");
    if (share >= CHURN)
        json_next(report, json, "temporary", "", "what is freed at once");
    report->run = named;
    json_close(json);
}

void verdict_free(struct verdict_facts *verdict)
{
    lines_free(&verdict->leaks);
    lines_free(&verdict->churn);
    kept_free(&verdict->kept);
}
