/* sampling.c - see sampling.h. */
#include "sampling.h"
#include "text.h"
#include "units.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

/* Nonsense in a stranger's file is as if it was not there. */
int sampling_read(const struct report *report, struct run *run)
{
    sqlite3_stmt *s =
        report_prepare(report, "SELECT interval, samples, allocations, bytes FROM sampling WHERE run = ?1");
    int64_t value[4] = {0};
    int status = EXIT_FINE;

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, run->number);
    if (report_step(report, s, &status))
        for (int i = 0; i < 4; i++)
            value[i] = sqlite3_column_type(s, i) == SQLITE_INTEGER ? sqlite3_column_int64(s, i) : -1;
    sqlite3_finalize(s);
    if (value[0] > 0)
        run->sampling = (struct store_sampling){value[0], value[1] > 0 ? value[1] : 0, value[2], value[3]};
    return status;
}

char *sampling_text(const struct report *report, const struct run *run, char out[SAMPLING_TEXT])
{
    const struct store_sampling *s = &run->sampling;
    char interval[UNITS_SIZE], samples[UNITS_SIZE], number[UNITS_SIZE];
    size_t used = 0;

    *out = '\0';
    if (!sampling_is_on(run))
        return out;
    used = (size_t)snprintf(out, SAMPLING_TEXT, "sampled: one in %s; %s sample%s",
                            units_bytes(interval, s->interval, report->bytes),
                            units_count(samples, s->samples), s->samples == 1 ? "" : "s");
    if (s->allocations >= 0)
        used += (size_t)snprintf(out + used, SAMPLING_TEXT - used, "; exact totals: %s allocation%s",
                                 units_count(number, s->allocations), s->allocations == 1 ? "" : "s");
    if (s->allocations >= 0 && s->bytes >= 0)
        snprintf(out + used, SAMPLING_TEXT - used, ", %s", units_bytes(number, s->bytes, report->bytes));
    return out;
}

int sampling_print(const struct report *report, const struct run *run, size_t taken)
{
    char text[SAMPLING_TEXT];

    if (!sampling_is_on(run))
        return 0;
    sampling_text(report, run, text);
    int wide = report->width > 0 && taken + strlen(text) > (size_t)report->width;

    printf(",%s%s", wide ? "\n  " : " ", report_color(report, "yellow"));
    text_wrap(stdout, text, report->width > 2 ? (size_t)report->width - 2 : 0, 2);
    fputs(report_color(report, "reset"), stdout);
    return 1;
}

void sampling_print_numbered(const struct report *report, const struct run *run)
{
    char text[SAMPLING_TEXT], line[SAMPLING_TEXT + 40];

    if (!sampling_is_on(run))
        return;
    snprintf(line, sizeof line, "Run %lld: %s.", (long long)run->number, sampling_text(report, run, text));
    text_wrap(stdout, line, report->width > 2 ? (size_t)report->width - 2 : 0, 2);
}

static void number_or_null(struct json *json, const char *name, int64_t value)
{
    if (value >= 0)
        json_number(json, name, value);
    else
        json_null(json, name);
}

void sampling_json(struct json *json, const struct run *run)
{
    if (!sampling_is_on(run)) {
        json_null(json, "sampling");
        return;
    }
    json_object(json, "sampling");
    json_number(json, "interval_bytes", run->sampling.interval);
    json_number(json, "samples", run->sampling.samples);
    number_or_null(json, "allocations", run->sampling.allocations);
    number_or_null(json, "bytes", run->sampling.bytes);
    json_close(json);
}
