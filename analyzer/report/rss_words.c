/* rss_words.c - see rss_words.h. */
#define _GNU_SOURCE
#include "rss_words.h"
#include "text.h"
#include "sampling.h"
#include "units.h"

#include <stdio.h>
#include <stdlib.h>

void rss_moment(const struct resident *r, char *out, size_t size)
{
    char t[UNITS_SIZE], *mark = r->mark != NULL ? text_harmless(r->mark) : NULL;

    units_seconds(t, (double)r->moment.t_ns / 1e9);
    switch (r->moment.kind) {
    case STORE_PAGES_END:
        snprintf(out, size, "at the end (%s)", t);
        break;
    case STORE_PAGES_MARK:
        snprintf(out, size, "at %s (%s)", mark != NULL && *mark != '\0' ? mark : "a mark", t);
        break;
    case STORE_PAGES_HIGH:
        snprintf(out, size, "at %s, the highest until then", t);
        break;
    default:
        snprintf(out, size, "at %s", t);
    }
    free(mark);
}

char *rss_nothing_known(const struct run *run, int of_processes)
{
    char bytes[UNITS_SIZE], known[96] = "";

    if (run->t.peak_rss_bytes > 0)
        snprintf(known, sizeof known, " The most that was seen to be resident is %s.",
                 units_bytes(bytes, run->t.peak_rss_bytes, 0));
    if (sampling_is_on(run))
        return text_make(
            "Where its memory was is not known: the run is sampled, so that most live blocks are not known, "
            "and what of its pages is live, rounding, pinned or free cannot be told apart. Record it without "
            "--sample.%s",
            known);
    if (of_processes)
        return text_make("Nobody looked at the pages of these processes.%s", known);
    if (run->state == RUN_RECORDING)
        return text_make("Nobody has looked at its pages yet: look again in a moment.%s", known);
    return text_make(
        "Where its memory was is not known: its pages were not looked at. That is done at marks (trace.h), "
        "at new highs and at the end, as long as it takes little of the run's time: in programs of a tenth "
        "of a second and more. A run of an older version has to be recorded again.%s",
        known);
}

void rss_moment_json(struct json *json, const struct resident *r)
{
    if (r->moments == 0) {
        json_null(json, "moment");
        return;
    }
    json_object(json, "moment");
    json_real(json, "t_s", (double)r->moment.t_ns / 1e9);
    json_text(json, "kind", resident_kinds[r->moment.kind]);
    json_text(json, "mark", r->mark);
    json_number(json, "processes", r->moment.processes);
    json_close(json);
}
