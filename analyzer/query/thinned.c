/* thinned.c - see thinned.h. */
#include "thinned.h"
#include "run.h"
#include "store.h"
#include "units.h"

#include <sqlite3.h>
#include <stdio.h>

/* Nonsense in a stranger's file is as if it was not there. */
int thinned_read(const struct report *report, struct run *run)
{
    sqlite3_stmt *s = report_prepare(
        report,
        "SELECT keep_ns, most_bytes, coarse_ns, grain_ns, events, short, (SELECT max(t_ns) FROM mark WHERE "
        "run = ?1 AND kind = 0 AND name = '" STORE_MARK_NOT_ROTATED "') FROM thinning WHERE run = ?1");
    int64_t value[7] = {0};
    int status = EXIT_FINE;

    if (s == NULL)
        return EXIT_FAILED;
    sqlite3_bind_int64(s, 1, run->number);
    if (report_step(report, s, &status)) {
        for (int i = 0; i < 7; i++)
            value[i] = sqlite3_column_int64(s, i) > 0 ? sqlite3_column_int64(s, i) : 0;
        run->thinned =
            (struct thinned){1, value[0], value[1], value[2], value[3], value[4], value[5], value[6]};
    }
    sqlite3_finalize(s);
    return status;
}

char *thinned_text(const struct report *report, const struct run *run, char out[THINNED_TEXT])
{
    const struct thinned *t = &run->thinned;
    char a[UNITS_SIZE], b[UNITS_SIZE];
    int n = 0;

    out[0] = '\0';
    if (t->set && t->coarse_ns > 0)
        n += snprintf(out + n, THINNED_TEXT - (size_t)n,
                      "What it did up to %s is known at fewer moments than were recorded, at its beginning "
                      "at one in %s.",
                      units_seconds(a, (double)t->coarse_ns / 1e9),
                      units_seconds(b, (double)t->grain_ns / 1e9));
    if (t->set && t->events > 0)
        n += snprintf(out + n, THINNED_TEXT - (size_t)n, "%sThe first %s events of the log were dropped.",
                      n > 0 ? " " : "", units_count(a, t->events));
    if (t->set && t->not_rotated_ns > 0)
        n += snprintf(out + n, THINNED_TEXT - (size_t)n,
                      "%sAt %s its past could not be put aside (--rotate): there was no room for it, or a "
                      "file that it would have moved was in use.",
                      n > 0 ? " " : "", units_seconds(a, (double)t->not_rotated_ns / 1e9));
    if (t->set && t->is_short)
        snprintf(out + n, THINNED_TEXT - (size_t)n,
                 "%sThe file is larger than %s (--max-size): what is never thinned takes as much.",
                 n > 0 ? " " : "", units_bytes(a, t->most_bytes, report->bytes));
    return out;
}

void thinned_json(struct json *json, const struct run *run)
{
    const struct thinned *t = &run->thinned;

    if (!t->set) {
        json_null(json, "thinned");
        return;
    }
    json_object(json, "thinned");
    json_real(json, "keep_s", (double)t->keep_ns / 1e9);
    json_number(json, "max_bytes", t->most_bytes);
    json_real(json, "coarse_until_s", (double)t->coarse_ns / 1e9);
    json_real(json, "coarsest_s", (double)t->grain_ns / 1e9);
    json_number(json, "events_dropped", t->events);
    json_true(json, "too_large", (int)t->is_short);
    if (t->not_rotated_ns > 0)
        json_real(json, "not_rotated_s", (double)t->not_rotated_ns / 1e9);
    json_close(json);
}
