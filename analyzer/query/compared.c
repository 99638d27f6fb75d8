/* compared.c - which runs the operands of compare mean. */
#include "compared.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static int add_run(struct report *report, struct side *side, int64_t number)
{
    struct run *more = realloc(side->runs, (side->count + 1) * sizeof *more);

    side->runs = more;
    int status = run_load(report, number, &side->runs[side->count]);

    side->count += status == EXIT_FINE;
    return status;
}

/* Adds the other complete runs with the latest run's label. */
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

static int choose(struct report *report, struct compared *c, const char *text)
{
    c->side.runs = calloc(1, sizeof *c->side.runs);
    int status = run_find_window(report, text, &c->side.runs[0]);

    c->side.count = 1;
    return status == EXIT_FINE && !by_number(text) && c->side.runs[0].window.text == NULL
               ? add_siblings(report, &c->side, 0)
               : status;
}

/* Without operands: the last two runs. With one: that run and the latest other one. */
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

/* For `compare LABEL` where the latest run has that label too: it is compared with the others. */
static int leave_out_latest(struct report *report, struct compared *all)
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

int compared_choose(struct report *report, int operands, char **argv, struct compared *all, size_t *count)
{
    char texts[2][24];
    const char *names[COMPARED_MOST] = {0};
    int status = complete_operands(report, operands, argv, texts, names);

    *count = operands < 2 ? 2 : (size_t)operands;
    for (size_t i = 0; i < *count && status == EXIT_FINE; i++)
        status = choose(report, &all[i], names[i]);
    for (size_t i = 0; i + 1 < *count && status == EXIT_FINE; i++)
        status = run_again(report, &all[i].side.runs[0]); /* all as of the last one's moment */
    return status == EXIT_FINE && operands == 1 ? leave_out_latest(report, all) : status;
}

/* ---- their names ----------------------------------------------------------------------------- */

/* True if their labels, or the parts of the run, differ. */
static int told_apart(const struct run *a, const struct run *b)
{
    return strcmp(a->label, b->label) != 0 || (a->number == b->number && a->window.text != NULL);
}

void compared_name(struct compared *all, size_t count)
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
        all[i].name = window_name(run, alone ? run->label : number);
    }
}

void compared_free(struct compared *all, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        for (size_t k = 0; k < all[i].side.count; k++)
            run_free(&all[i].side.runs[k]);
        free(all[i].side.runs);
        free(all[i].name);
    }
}
