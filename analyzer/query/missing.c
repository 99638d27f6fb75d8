/* missing.c - see missing.h. */
#define _GNU_SOURCE
#include "missing.h"
#include "run.h"
#include "text.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Says up to when it was recorded. */
static void add_end(const struct run *run, struct sentences *missing)
{
    size_t size = run->why != NULL ? strlen(run->why) : 0;

    if (size > 0 && run->why[size - 1] == '.')
        size--;
    switch (run->state) {
    case RUN_INTERRUPTED:
        if (size > 0)
            sentences_add(missing, "This is what was there when recording was stopped: %.*s.", (int)size,
                          run->why);
        else
            sentences_add(missing, "Its recording was interrupted: this is what was there by then.");
        break;
    case RUN_RECORDING:
        sentences_add(missing, "It is still running: this is what is there so far.");
        break;
    case RUN_SYMBOLS:
        if (run->counting)
            sentences_add(
                missing,
                "Its collector has not taken in all of it yet (it is stopped, or the machine is very "
                "busy): this is what was there by then.");
        else
            sentences_add(missing, "Its names are still being looked up: some are missing.");
        break;
    default:
        break;
    }
}

static void add_processes(const struct run *run, struct sentences *missing)
{
    char a[UNITS_SIZE], b[UNITS_SIZE];
    const struct store_run *t = &run->t;

    if (t->stopped > 0 && run->processes == 1)
        sentences_add(
            missing,
            "The program went on untraced, as its events were not taken any more (the collector was stopped, "
            "or the machine very busy): what it did from then on is missing.");
    else if (t->stopped > 0)
        sentences_add(
            missing,
            "%s of %s processes went on untraced, as their events were not taken any more (the collector was "
            "stopped, or the machine very busy): what they did from then on is missing.",
            units_count(a, t->stopped), units_count(b, run->processes));
    if (t->untraced > 0)
        sentences_add(
            missing,
            "%s process%s of the run could not be traced (too many at once, too little memory, an allocator "
            "of "
            "%s own, or a sanitizer): what %s did is missing.",
            units_count(a, t->untraced), t->untraced == 1 ? "" : "es", t->untraced == 1 ? "its" : "their",
            t->untraced == 1 ? "it" : "they");
    if (t->damaged > 0)
        sentences_add(
            missing,
            "%s overwrote memory of the tracer's, and with it a part of the record: its numbers are not "
            "whole.",
            t->damaged == 1 && run->processes == 1 ? "The program" : "A process");
}

void missing_find(const struct run *run, struct sentences *missing)
{
    char a[UNITS_SIZE];

    *missing = (struct sentences){.count = 0};
    add_end(run, missing);
    add_processes(run, missing);
    if (run->t.events_lost > 0)
        sentences_add(missing, "%s event%s found no room: the true numbers are higher.",
                      units_count(a, run->t.events_lost), run->t.events_lost == 1 ? "" : "s");
    if (run->t.stacks_lost > 0)
        sentences_add(
            missing,
            "%s stack%s, name%s or mark%s found no room: the numbers are whole, but not all of them are "
            "where "
            "they belong.",
            units_count(a, run->t.stacks_lost), run->t.stacks_lost == 1 ? "" : "s",
            run->t.stacks_lost == 1 ? "" : "s", run->t.stacks_lost == 1 ? "" : "s");
    if (run->state == RUN_INCOMPLETE && missing->count == 0)
        sentences_add(missing, "Something is missing in it, and it does not say what.");
}

static void print(const struct report *report, const struct run *run, const char *before)
{
    struct sentences missing;

    missing_find(run, &missing);
    for (int i = 0; i < missing.count; i++) {
        char *harmless = text_harmless(missing.text[i]), *line = text_make("%s%s", before, harmless);

        fputs(report_color(report, run->state == RUN_RECORDING ? "yellow" : "red"), stdout);
        text_wrap(stdout, line, report->width > 2 ? (size_t)report->width - 2 : 0, 2);
        fputs(report_color(report, "reset"), stdout);
        free(line);
        free(harmless);
    }
    sentences_free(&missing);
}

void missing_print(const struct report *report, const struct run *run)
{
    print(report, run, "");
}

void missing_print_numbered(const struct report *report, const struct run *run)
{
    char before[40];

    snprintf(before, sizeof before, "Run %lld: ", (long long)run->number);
    print(report, run, before);
}

void missing_json(struct json *json, const struct run *run)
{
    struct sentences missing;

    missing_find(run, &missing);
    json_array(json, "missing");
    for (int i = 0; i < missing.count; i++)
        json_text(json, NULL, missing.text[i]);
    json_close(json);
    sentences_free(&missing);
}
