/* pprof.c - the protocol buffer of github.com/google/pprof, proto/profile.proto, in gzip.
 *
 *   Profile: sample types, samples -> locations (a frame) -> lines (inlined first) -> functions; mappings
 *
 * Written by hand: of protocol buffers it needs only numbers in base 128 and length-prefixed messages. Modules may
 * lie at different addresses in several processes, so each module gets an address range of its own, one after the
 * other.
 */
#define _GNU_SOURCE
#include "export.h"
#include "sampling.h"
#include "text.h"
#include "texts.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#define PAGE 0x1000ull

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

/* A message that is being written. */
struct message {
    uint8_t *data;
    size_t size, room;
    int failed; /* out of memory */
};

struct writer {
    const struct export *export;
    struct message profile;
    struct message message, inner; /* the profile, and messages within it */
    struct texts strings;
    struct export_process *processes;
    size_t process_count;
};

/* ---- protocol buffers ------------------------------------------------------------------------ */

static void put_bytes(struct message *m, const void *data, size_t size)
{
    if (size > m->room - m->size) {
        size_t room = (m->size + size) * 2 + 64;
        uint8_t *more = m->failed ? NULL : realloc(m->data, room);

        if (more == NULL) {
            m->failed = 1;
            return;
        }
        m->data = more;
        m->room = room;
    }
    if (size > 0)
        memcpy(m->data + m->size, data, size);
    m->size += size;
}

static void put_number(struct message *m, uint64_t value)
{
    uint8_t bytes[10];
    size_t n = 0;

    for (; value >= 0x80; value >>= 7)
        bytes[n++] = (uint8_t)(value | 0x80);
    bytes[n++] = (uint8_t)value;
    put_bytes(m, bytes, n);
}

static void field_number(struct message *m, unsigned field, uint64_t value)
{
    if (value == 0)
        return; /* the default value is not written */
    put_number(m, field << 3 | 0);
    put_number(m, value);
}

static void field_bytes(struct message *m, unsigned field, const void *data, size_t size)
{
    put_number(m, field << 3 | 2);
    put_number(m, size);
    put_bytes(m, data, size);
}

/* Ends the inner message: it becomes a field of the outer one, and is emptied. */
static void field_message(struct message *outer, unsigned field, struct message *inside)
{
    field_bytes(outer, field, inside->data, inside->size);
    outer->failed |= inside->failed;
    inside->size = 0;
}

/* ---- strings --------------------------------------------------------------------------------- */

/* The index of a text in the string table. It is made harmless, as some viewers run in a terminal. The
 * first must be "". */
static uint64_t string(struct writer *w, const char *text)
{
    char *harmless = text_harmless(text);
    size_t before = w->strings.count;
    uint32_t number = harmless != NULL ? texts_number(&w->strings, harmless) : 0;

    if (w->strings.count > before)
        field_bytes(&w->profile, PROFILE_STRING, harmless, strlen(harmless));
    w->profile.failed |= harmless == NULL || w->strings.failed;
    free(harmless);
    return number;
}

/* ---- parts of the profile -------------------------------------------------------------------- */

static void write_type(struct writer *w, unsigned field, const char *type, const char *unit)
{
    field_number(&w->message, 1, string(w, type));
    field_number(&w->message, 2, string(w, unit));
    field_message(&w->profile, field, &w->message);
}

/* bases[] gets the beginning of the range in which each module's frames lie; the first module is not a
 * file. */
static void write_mappings(struct writer *w, uint64_t *bases)
{
    const struct profile *p = w->export->profile;
    uint64_t *ends = calloc(p->module_count, sizeof *ends), next = PAGE;

    if (ends == NULL) {
        w->profile.failed = 1;
        return;
    }
    for (size_t i = PROFILE_FIRST; i < p->frame_count; i++) {
        const struct profile_frame *frame = &p->frames[i];

        /* No module is larger than 2^40 bytes: addresses beyond that are damage, and are left out. */
        if (frame->address >> 40 == 0 && frame->address >= ends[frame->module])
            ends[frame->module] = frame->address + 1;
    }
    for (size_t i = 1; i < p->module_count; i++) {
        bases[i] = next;
        next += (ends[i] + PAGE - 1) / PAGE * PAGE + PAGE;
        field_number(&w->message, 1, i);
        field_number(&w->message, 2, bases[i]);
        field_number(&w->message, 3, next);
        field_number(&w->message, 5, string(w, p->modules[i].path));
        field_number(&w->message, 6, string(w, p->modules[i].build_id));
        for (unsigned has = 7; has <= 10;
             has++) /* functions, files, lines, inlined: nothing needs to be looked up */
            field_number(&w->message, has, 1);
        field_message(&w->profile, PROFILE_MAPPING, &w->message);
    }
    free(ends);
}

/* Frames of generated code and of scripts have no module and no address. */
static void write_locations(struct writer *w, const uint64_t *bases)
{
    const struct profile *p = w->export->profile;

    for (size_t i = 0; i < p->frame_count; i++) {
        const struct profile_frame *frame = &p->frames[i];

        field_number(&w->message, 1, i + 1);
        field_number(&w->message, 2, frame->module);
        if (frame->module != 0)
            field_number(&w->message, 3,
                         bases[frame->module] + (frame->address >> 40 == 0 ? frame->address : 0));
        for (uint32_t k = 0; k < frame->count; k++) {
            uint32_t place = p->frame_places[frame->first + k];

            field_number(&w->inner, 1, place + 1);
            field_number(&w->inner, 2, (uint64_t)p->places[place].line);
            field_message(&w->message, 4, &w->inner);
        }
        field_message(&w->profile, PROFILE_LOCATION, &w->message);
    }
}

/* Each place gets a function of its own: so no table of numbers is needed, and viewers go by names anyway. */
static void write_functions(struct writer *w)
{
    const struct profile *p = w->export->profile;

    for (size_t i = 0; i < p->place_count; i++) {
        const struct profile_place *place = &p->places[i];
        uint64_t name = string(w, place->function);

        field_number(&w->message, 1, i + 1);
        field_number(&w->message, 2, name);
        field_number(&w->message, 3, name);
        field_number(&w->message, 4, place->file != NULL ? string(w, place->file) : 0);
        field_message(&w->profile, PROFILE_FUNCTION, &w->message);
    }
}

/* ---- samples --------------------------------------------------------------------------------- */

/* Labels a sample with what its blocks are, if that is known. */
static void label_type(struct writer *w, uint32_t type)
{
    if (type == 0)
        return;
    field_number(&w->inner, 1, string(w, "type"));
    field_number(&w->inner, 2, string(w, w->export->profile->types.text[type]));
    field_message(&w->message, 3, &w->inner);
}

/* If there are several processes, labels each sample with its process. */
static void label_process(struct writer *w, int64_t process)
{
    if (w->process_count < 2)
        return;
    for (size_t i = 0; i < w->process_count; i++)
        if (w->processes[i].process == process) {
            field_number(&w->inner, 1, string(w, "pid"));
            field_number(&w->inner, 3, (uint64_t)w->processes[i].pid);
            field_message(&w->message, 3, &w->inner);
            return;
        }
}

static void write_samples(struct writer *w)
{
    const struct profile *p = w->export->profile;

    for (size_t i = 0; i < p->site_count; i++) {
        const struct profile_site *site = &p->sites[i];

        for (uint32_t node = site->node; node != PROFILE_NONE; node = p->nodes[node].parent)
            put_number(&w->inner, p->nodes[node].frame + 1);
        field_message(&w->message, 1, &w->inner);
        for (int k = 0; k < MEASURES; k++)
            if (measures[k].pprof != NULL)
                put_number(&w->inner, (uint64_t)measure_value(&site->m, k));
        field_message(&w->message, 2, &w->inner);
        label_process(w, site->process);
        label_type(w, p->nodes[site->node].type);
        field_message(&w->profile, PROFILE_SAMPLE, &w->message);
    }
}

/* ---- the whole ------------------------------------------------------------------------------- */

static void write_filter(struct writer *w)
{
    char *only = filter_text(w->export->filter), *comment = NULL;

    if (only != NULL && asprintf(&comment, "only %s", only) >= 0)
        field_number(&w->profile, PROFILE_COMMENT, string(w, comment));
    free(comment);
    free(only);
}

static void write_sampling(struct writer *w)
{
    char text[SAMPLING_TEXT];

    if (sampling_is_on(w->export->run))
        field_number(&w->profile, PROFILE_COMMENT,
                     string(w, sampling_text(w->export->report, w->export->run, text)));
}

static void write_profile(struct writer *w)
{
    const struct run *run = w->export->run;
    uint64_t *bases = calloc(w->export->profile->module_count, sizeof *bases);

    if (bases == NULL) {
        w->profile.failed = 1;
        return;
    }
    string(w, "");
    for (int i = 0; i < MEASURES; i++)
        if (measures[i].pprof != NULL)
            write_type(w, PROFILE_SAMPLE_TYPE, measures[i].pprof, measures[i].is_bytes ? "bytes" : "count");
    write_samples(w);
    write_mappings(w, bases);
    write_locations(w, bases);
    write_functions(w);
    field_number(&w->profile, PROFILE_TIME, (uint64_t)export_started(run) * 1000000000u);
    field_number(&w->profile, PROFILE_DURATION, (uint64_t)run->t.wall_ns);
    write_type(w, PROFILE_PERIOD_TYPE, "space", "bytes");
    /* Every allocation was counted; or one in so many bytes, and what it stands for is in the values already. */
    field_number(&w->profile, PROFILE_PERIOD, sampling_is_on(run) ? (uint64_t)run->sampling.interval : 1);
    field_number(&w->profile, PROFILE_COMMENT, string(w, run->command));
    write_sampling(w);
    write_filter(w);
    field_number(&w->profile, PROFILE_DEFAULT_TYPE, string(w, measures[w->export->by].pprof));
    free(bases);
}

/* Without a time or a name, so that the same run gives the same file. */
static int compress_to(FILE *out, const struct message *m)
{
    uint8_t buffer[1 << 16];
    z_stream z = {.next_in = m->data};
    size_t left = m->size;
    int result = deflateInit2(&z, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY);

    while (result == Z_OK) {
        if (z.avail_in == 0) {
            z.avail_in = left > 1 << 30 ? 1 << 30 : (uInt)left;
            left -= z.avail_in;
        }
        z.next_out = buffer;
        z.avail_out = sizeof buffer;
        result = deflate(&z, left == 0 ? Z_FINISH : Z_NO_FLUSH);
        fwrite(buffer, 1, sizeof buffer - z.avail_out, out);
    }
    deflateEnd(&z);
    return result == Z_STREAM_END;
}

int export_pprof(const struct export *export)
{
    struct writer w = {.export = export};
    int status = export_processes(export, &w.processes, &w.process_count);

    if (status == EXIT_FINE) {
        write_profile(&w);
        if (w.profile.failed || w.message.failed || w.inner.failed || !compress_to(export->out, &w.profile))
            status = report_error(export->report, EXIT_FAILED, "out of memory");
    }
    texts_free(&w.strings);
    free(w.profile.data);
    free(w.message.data);
    free(w.inner.data);
    free(w.processes);
    return status;
}
