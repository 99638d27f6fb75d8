/* pprof.c - the protocol buffer of github.com/google/pprof, proto/profile.proto, in gzip.
 *
 *   Profile: sample types, samples -> locations (a frame) -> lines (inlined first) -> functions; mappings
 *
 * Of an interval of a run that goes on (trace-report push) it has what servers know: what was allocated in it, and what
 * is in use at its end.
 */
#define _GNU_SOURCE
#include "export.h"
#include "gzip.h"
#include "protobuf.h"
#include "sampling.h"
#include "text.h"
#include "texts.h"

#include <stdlib.h>
#include <string.h>

/* Numbers of fields, as profile.proto has them. */
enum {
    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLE = 2,
    PROFILE_MAPPING = 3,
    PROFILE_LOCATION = 4,
    PROFILE_FUNCTION = 5,
    PROFILE_STRING = 6,
    PROFILE_TIME = 9,
    PROFILE_DURATION = 10,
    PROFILE_PERIOD_TYPE = 11,
    PROFILE_PERIOD = 12,
    PROFILE_COMMENT = 13,
    PROFILE_DEFAULT_TYPE = 14,
};

struct writer {
    const struct export *export;
    struct protobuf profile;
    struct protobuf message, inner; /* messages within it */
    struct texts strings;
    struct export_process *processes;
    size_t process_count;
};

/* ---- strings --------------------------------------------------------------------------------- */

/* The index of a text in the string table. It is made harmless, as some viewers run in a terminal. The
 * first must be "". */
static uint64_t string(struct writer *w, const char *text)
{
    char *harmless = text_harmless(text);
    size_t before = w->strings.count;
    uint32_t number = texts_number(&w->strings, harmless);

    if (w->strings.count > before)
        protobuf_text(&w->profile, PROFILE_STRING, harmless);
    free(harmless);
    return number;
}

/* ---- parts of the profile -------------------------------------------------------------------- */

static int is_written(const struct writer *w, int measure)
{
    return measures[measure].pprof != NULL &&
           (w->export->interval == NULL || export_is_news((enum measure)measure));
}

static void write_type(struct writer *w, unsigned field, const char *type, const char *unit)
{
    protobuf_number(&w->message, 1, string(w, type));
    protobuf_number(&w->message, 2, string(w, unit));
    protobuf_message(&w->profile, field, &w->message);
}

/* The first module is not a file. */
static void write_mappings(struct writer *w, const uint64_t *ranges)
{
    const struct profile *p = w->export->profile;

    for (size_t i = 1; i < p->module_count; i++) {
        protobuf_number(&w->message, 1, i);
        protobuf_number(&w->message, 2, ranges[i]);
        protobuf_number(&w->message, 3, ranges[i + 1]);
        protobuf_number(&w->message, 5, string(w, p->modules[i].path));
        protobuf_number(&w->message, 6, string(w, p->modules[i].build_id));
        for (unsigned has = 7; has <= 10;
             has++) /* functions, files, lines, inlined: nothing needs to be looked up */
            protobuf_number(&w->message, has, 1);
        protobuf_message(&w->profile, PROFILE_MAPPING, &w->message);
    }
}

/* Frames of generated code and of scripts have no module and no address. */
static void write_locations(struct writer *w, const uint64_t *ranges)
{
    const struct profile *p = w->export->profile;

    for (size_t i = 0; i < p->frame_count; i++) {
        const struct profile_frame *frame = &p->frames[i];

        protobuf_number(&w->message, 1, i + 1);
        protobuf_number(&w->message, 2, frame->module);
        if (frame->module != 0)
            protobuf_number(&w->message, 3, ranges[frame->module] + export_address(frame));
        for (uint32_t k = 0; k < frame->count; k++) {
            uint32_t place = p->frame_places[frame->first + k];

            protobuf_number(&w->inner, 1, place + 1);
            protobuf_number(&w->inner, 2, (uint64_t)p->places[place].line);
            protobuf_message(&w->message, 4, &w->inner);
        }
        protobuf_message(&w->profile, PROFILE_LOCATION, &w->message);
    }
}

/* Each place gets a function of its own: so no table of numbers is needed, and viewers go by names anyway. */
static void write_functions(struct writer *w)
{
    const struct profile *p = w->export->profile;

    for (size_t i = 0; i < p->place_count; i++) {
        const struct profile_place *place = &p->places[i];
        uint64_t name = string(w, place->function);

        protobuf_number(&w->message, 1, i + 1);
        protobuf_number(&w->message, 2, name);
        protobuf_number(&w->message, 3, name);
        protobuf_number(&w->message, 4, place->file != NULL ? string(w, place->file) : 0);
        protobuf_message(&w->profile, PROFILE_FUNCTION, &w->message);
    }
}

/* ---- samples --------------------------------------------------------------------------------- */

/* Labels a sample with what its blocks are, if that is known. */
static void label_type(struct writer *w, uint32_t type)
{
    if (type == 0)
        return;
    protobuf_number(&w->inner, 1, string(w, "type"));
    protobuf_number(&w->inner, 2, string(w, w->export->profile->types.text[type]));
    protobuf_message(&w->message, 3, &w->inner);
}

/* If there are several processes, labels each sample with its process; those of an interval are added up. */
static void label_process(struct writer *w, int64_t process)
{
    if (w->process_count < 2 || w->export->interval != NULL)
        return;
    for (size_t i = 0; i < w->process_count; i++)
        if (w->processes[i].process == process) {
            protobuf_number(&w->inner, 1, string(w, "pid"));
            protobuf_number(&w->inner, 3, (uint64_t)w->processes[i].pid);
            protobuf_message(&w->message, 3, &w->inner);
            return;
        }
}

static void write_samples(struct writer *w)
{
    const struct profile *p = w->export->profile;

    for (size_t i = 0; i < p->site_count; i++) {
        const struct profile_site *site = &p->sites[i];

        if (w->export->interval != NULL && !export_has_news(&site->m))
            continue;
        for (uint32_t node = site->node; node != PROFILE_NONE; node = p->nodes[node].parent)
            protobuf_varint(&w->inner, p->nodes[node].frame + 1);
        protobuf_message(&w->message, 1, &w->inner);
        for (int k = 0; k < MEASURES; k++)
            if (is_written(w, k))
                protobuf_varint(&w->inner, (uint64_t)measure_value(&site->m, k));
        protobuf_message(&w->message, 2, &w->inner);
        label_process(w, site->process);
        label_type(w, p->nodes[site->node].type);
        protobuf_message(&w->profile, PROFILE_SAMPLE, &w->message);
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void write_filter(struct writer *w)
{
    char *only = filter_text(w->export->filter);

    if (only == NULL)
        return;
    char *comment = text_make("only %s", only);

    protobuf_number(&w->profile, PROFILE_COMMENT, string(w, comment));
    free(comment);
    free(only);
}

static void write_sampling(struct writer *w)
{
    char text[SAMPLING_TEXT];

    if (sampling_is_on(w->export->run))
        protobuf_number(&w->profile, PROFILE_COMMENT,
                        string(w, sampling_text(w->export->report, w->export->run, text)));
}

static void write_profile(struct writer *w)
{
    const struct run *run = w->export->run;
    const struct export_interval *interval = w->export->interval;
    uint64_t *ranges = export_ranges(w->export->profile);

    string(w, "");
    for (int i = 0; i < MEASURES; i++)
        if (is_written(w, i))
            write_type(w, PROFILE_SAMPLE_TYPE, measures[i].pprof, measures[i].is_bytes ? "bytes" : "count");
    write_samples(w);
    write_mappings(w, ranges);
    write_locations(w, ranges);
    write_functions(w);
    /* Servers put an interval where its profile was collected: at its end. */
    protobuf_number(&w->profile, PROFILE_TIME,
                    interval != NULL ? (uint64_t)interval->until_ns
                                     : (uint64_t)export_started(run) * 1000000000u);
    protobuf_number(&w->profile, PROFILE_DURATION,
                    (uint64_t)(interval != NULL ? interval->until_ns - interval->from_ns : run->t.wall_ns));
    write_type(w, PROFILE_PERIOD_TYPE, "space", "bytes");
    /* Every allocation was counted; or one in so many bytes, and what it stands for is in the values already. */
    protobuf_number(&w->profile, PROFILE_PERIOD, sampling_is_on(run) ? (uint64_t)run->sampling.interval : 1);
    protobuf_number(&w->profile, PROFILE_COMMENT, string(w, run->command));
    write_sampling(w);
    write_filter(w);
    protobuf_number(&w->profile, PROFILE_DEFAULT_TYPE, string(w, measures[w->export->by].pprof));
    free(ranges);
}

int export_pprof(const struct export *export)
{
    struct writer w = {.export = export};
    int status = export_processes(export, &w.processes, &w.process_count);

    if (status == EXIT_FINE) {
        write_profile(&w);
        if (!gzip_to(export->out, w.profile.data, w.profile.size))
            status = report_error(export->report, EXIT_FAILED, "out of memory");
    }
    texts_free(&w.strings);
    free(w.profile.data);
    free(w.message.data);
    free(w.inner.data);
    free(w.processes);
    return status;
}
