/* otlp.c - ExportProfilesServiceRequest of OpenTelemetry's protocol, v1development, in gzip.
 *
 *   request -> resource's profiles -> scope's profiles -> four profiles, one for each type of sample -> samples
 *   request -> dictionary: tables of stacks -> locations -> mappings, functions; strings; attributes
 *
 * A table's entry 0 is empty, and stands for "none". Entries are written when the first one refers to them, so that
 * none is there in vain, and none twice.
 */
#define _GNU_SOURCE
#include "otlp.h"
#include "gzip.h"
#include "protobuf.h"
#include "resource.h"
#include "sampling.h"
#include "text.h"

#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

/* Numbers of fields, as profiles.proto, resource.proto, common.proto and profiles_service.proto have them. */
enum {
    REQUEST_RESOURCE_PROFILES = 1,
    REQUEST_DICTIONARY = 2,

    RESOURCE_PROFILES_RESOURCE = 1,
    RESOURCE_PROFILES_SCOPE_PROFILES = 2,
    RESOURCE_ATTRIBUTES = 1,
    SCOPE_PROFILES_SCOPE = 1,
    SCOPE_PROFILES_PROFILES = 2,
    SCOPE_NAME = 1,
    SCOPE_VERSION = 2,

    KEY_VALUE_KEY = 1,
    KEY_VALUE_VALUE = 2,
    ANY_VALUE_STRING = 1,
    ANY_VALUE_INT = 3,

    PROFILE_SAMPLE_TYPE = 1,
    PROFILE_SAMPLES = 2,
    PROFILE_TIME = 3,
    PROFILE_DURATION = 4,
    PROFILE_PERIOD_TYPE = 5,
    PROFILE_PERIOD = 6,
    PROFILE_ID = 7,
    PROFILE_ATTRIBUTES = 11,
    VALUE_TYPE_TYPE = 1,
    VALUE_TYPE_UNIT = 2,
    SAMPLE_STACK = 1,
    SAMPLE_ATTRIBUTES = 2,
    SAMPLE_VALUES = 4,

    DICTIONARY_MAPPINGS = 1,
    DICTIONARY_LOCATIONS = 2,
    DICTIONARY_FUNCTIONS = 3,
    DICTIONARY_LINKS = 4,
    DICTIONARY_STRINGS = 5,
    DICTIONARY_ATTRIBUTES = 6,
    DICTIONARY_STACKS = 7,
    MAPPING_START = 1,
    MAPPING_LIMIT = 2,
    MAPPING_FILE = 4,
    MAPPING_ATTRIBUTES = 5,
    LOCATION_MAPPING = 1,
    LOCATION_ADDRESS = 2,
    LOCATION_LINES = 3,
    LINE_FUNCTION = 1,
    LINE_LINE = 2,
    FUNCTION_NAME = 1,
    FUNCTION_SYSTEM_NAME = 2,
    FUNCTION_FILE = 3,
    STACK_LOCATIONS = 1,
    LINK_TRACE = 1,
    LINK_SPAN = 2,
    ATTRIBUTE_KEY = 1,
    ATTRIBUTE_VALUE = 2,
    ATTRIBUTE_UNIT = 3,

    RESPONSE_PARTIAL_SUCCESS = 1,
    PARTIAL_SUCCESS_REJECTED = 1,
};

struct writer {
    const struct increment *increment;
    uint64_t *ranges;           /* see export_ranges() */
    struct protobuf dictionary; /* each entry is added when it is met first */
    struct texts strings, attributes;
    /* By index in the profile: the index in the dictionary's table; 0 = not there yet. */
    uint32_t *mappings, *locations, *functions, *stacks;
    uint32_t mapping_count, location_count, function_count, stack_count;
    struct protobuf request, resource, scope, profile, sample; /* what contains what */
};

/* ---- the dictionary -------------------------------------------------------------------------- */

static void end_message(struct protobuf *outer, unsigned field, struct protobuf *inner)
{
    protobuf_message(outer, field, inner);
    free(inner->data);
    *inner = (struct protobuf){0};
}

/* Made harmless, as some viewers run in a terminal. */
static uint32_t string(struct writer *w, const char *text)
{
    char *harmless = text_harmless(text);
    size_t before = w->strings.count;
    uint32_t number = texts_number(&w->strings, harmless);

    if (w->strings.count > before)
        protobuf_text(&w->dictionary, DICTIONARY_STRINGS, harmless);
    free(harmless);
    return number;
}

/* A value of an attribute: a text, or if there is none, a number. */
static void write_value(struct protobuf *to, unsigned field, const char *text, int64_t number)
{
    struct protobuf value = {0};
    char *harmless = text != NULL ? text_harmless(text) : NULL;

    if (harmless != NULL)
        protobuf_text(&value, ANY_VALUE_STRING, harmless);
    else
        protobuf_number(&value, ANY_VALUE_INT, (uint64_t)number);
    end_message(to, field, &value);
    free(harmless);
}

/* The index of an attribute. */
static uint32_t attribute(struct writer *w, const char *key, const char *text, int64_t number,
                          const char *unit)
{
    struct protobuf message = {0};
    size_t before = w->attributes.count;
    char *whole = text_make("%s %lld %s", key, (long long)number, text != NULL ? text : "");
    uint32_t index = texts_number(&w->attributes, whole);

    free(whole);
    if (w->attributes.count == before)
        return index;
    protobuf_number(&message, ATTRIBUTE_KEY, string(w, key));
    write_value(&message, ATTRIBUTE_VALUE, text, number);
    protobuf_number(&message, ATTRIBUTE_UNIT, string(w, unit));
    end_message(&w->dictionary, DICTIONARY_ATTRIBUTES, &message);
    return index;
}

static void write_list(struct protobuf *to, unsigned field, const uint32_t *list, size_t count)
{
    struct protobuf packed = {0};

    for (size_t i = 0; i < count; i++)
        protobuf_varint(&packed, list[i]);
    if (count > 0)
        end_message(to, field, &packed);
}

static uint32_t mapping(struct writer *w, uint32_t module)
{
    const struct profile_module *from = &w->increment->profile.modules[module];
    struct protobuf message = {0};

    if (module == 0 || w->mappings[module] != 0)
        return w->mappings[module];
    protobuf_number(&message, MAPPING_START, w->ranges[module]);
    protobuf_number(&message, MAPPING_LIMIT, w->ranges[module + 1]);
    protobuf_number(&message, MAPPING_FILE, string(w, from->path));
    if (*from->build_id != '\0') {
        uint32_t build_id = attribute(w, "process.executable.build_id.gnu", from->build_id, 0, "");

        write_list(&message, MAPPING_ATTRIBUTES, &build_id, 1);
    }
    end_message(&w->dictionary, DICTIONARY_MAPPINGS, &message);
    return w->mappings[module] = ++w->mapping_count;
}

static uint32_t function(struct writer *w, uint32_t place)
{
    const struct profile_place *from = &w->increment->profile.places[place];
    struct protobuf message = {0};

    if (w->functions[place] != 0)
        return w->functions[place];
    uint32_t name = string(w, from->function);

    protobuf_number(&message, FUNCTION_NAME, name);
    protobuf_number(&message, FUNCTION_SYSTEM_NAME, name);
    protobuf_number(&message, FUNCTION_FILE, from->file != NULL ? string(w, from->file) : 0);
    end_message(&w->dictionary, DICTIONARY_FUNCTIONS, &message);
    return w->functions[place] = ++w->function_count;
}

static uint32_t location(struct writer *w, uint32_t number)
{
    const struct profile *p = &w->increment->profile;
    const struct profile_frame *frame = &p->frames[number];
    struct protobuf message = {0}, line = {0};

    if (w->locations[number] != 0)
        return w->locations[number];
    protobuf_number(&message, LOCATION_MAPPING, mapping(w, frame->module));
    if (frame->module != 0)
        protobuf_number(&message, LOCATION_ADDRESS, w->ranges[frame->module] + export_address(frame));
    for (uint32_t i = 0; i < frame->count; i++) {
        uint32_t place = p->frame_places[frame->first + i];

        protobuf_number(&line, LINE_FUNCTION, function(w, place));
        protobuf_number(&line, LINE_LINE, (uint64_t)p->places[place].line);
        end_message(&message, LOCATION_LINES, &line);
    }
    end_message(&w->dictionary, DICTIONARY_LOCATIONS, &message);
    return w->locations[number] = ++w->location_count;
}

static uint32_t stack(struct writer *w, uint32_t innermost)
{
    const struct profile *p = &w->increment->profile;
    struct protobuf message = {0}, packed = {0};

    if (w->stacks[innermost] != 0)
        return w->stacks[innermost];
    for (uint32_t node = innermost; node != PROFILE_NONE; node = p->nodes[node].parent)
        protobuf_varint(&packed, location(w, p->nodes[node].frame));
    end_message(&message, STACK_LOCATIONS, &packed);
    end_message(&w->dictionary, DICTIONARY_STACKS, &message);
    return w->stacks[innermost] = ++w->stack_count;
}

/* Entry 0 of each table. That of links has identifiers of their full length, as some readers insist on it. */
static void begin_dictionary(struct writer *w)
{
    static const unsigned tables[] = {DICTIONARY_MAPPINGS, DICTIONARY_LOCATIONS, DICTIONARY_FUNCTIONS,
                                      DICTIONARY_ATTRIBUTES, DICTIONARY_STACKS};
    static const char zeros[16];
    const struct profile *p = &w->increment->profile;
    struct protobuf link = {0};

    w->ranges = export_ranges(p);
    w->mappings = calloc(p->module_count, sizeof *w->mappings);
    w->locations = calloc(p->frame_count, sizeof *w->locations);
    w->functions = calloc(p->place_count, sizeof *w->functions);
    w->stacks = calloc(p->node_count, sizeof *w->stacks);
    for (size_t i = 0; i < sizeof tables / sizeof tables[0]; i++)
        protobuf_data(&w->dictionary, tables[i], "", 0);
    protobuf_data(&link, LINK_TRACE, zeros, 16);
    protobuf_data(&link, LINK_SPAN, zeros, 8);
    end_message(&w->dictionary, DICTIONARY_LINKS, &link);
    string(w, "");
    texts_number(&w->attributes, "");
}

/* ---- profiles -------------------------------------------------------------------------------- */

static void write_type(struct writer *w, unsigned field, const char *type, const char *unit)
{
    struct protobuf message = {0};

    protobuf_number(&message, VALUE_TYPE_TYPE, string(w, type));
    protobuf_number(&message, VALUE_TYPE_UNIT, string(w, unit));
    end_message(&w->profile, field, &message);
}

static void write_sample(struct writer *w, const struct profile_site *site, enum measure measure)
{
    const struct profile *p = &w->increment->profile;
    uint32_t type = p->nodes[site->node].type;
    struct protobuf values = {0};

    protobuf_number(&w->sample, SAMPLE_STACK, stack(w, site->node));
    if (type != 0) {
        uint32_t index = attribute(w, "libtrace.type", p->types.text[type], 0, "");

        write_list(&w->sample, SAMPLE_ATTRIBUTES, &index, 1);
    }
    protobuf_varint(&values, (uint64_t)measure_value(&site->m, measure));
    end_message(&w->sample, SAMPLE_VALUES, &values);
    end_message(&w->profile, PROFILE_SAMPLES, &w->sample);
}

/* What the numbers are of. A sampled run's are estimates, and its interval says how good they are. */
static void write_attributes(struct writer *w)
{
    const struct run *run = &w->increment->run;
    uint32_t list[4];
    size_t count = 0;

    list[count++] = attribute(w, "libtrace.run", NULL, run->number, "");
    list[count++] = attribute(w, "libtrace.run.state", run_states[run->state], 0, "");
    if (*run->command != '\0')
        list[count++] = attribute(w, "process.command_line", run->command, 0, "");
    if (sampling_is_on(run))
        list[count++] = attribute(w, "libtrace.sample_interval", NULL, run->sampling.interval, "By");
    write_list(&w->profile, PROFILE_ATTRIBUTES, list, count);
}

static void write_profile(struct writer *w, enum measure measure)
{
    const struct profile *p = &w->increment->profile;
    const struct run *run = &w->increment->run;
    const struct export_interval *interval = &w->increment->interval;
    char id[16]; /* a server that gets a profile twice can tell */

    write_type(w, PROFILE_SAMPLE_TYPE, measures[measure].pprof,
               measures[measure].is_bytes ? "bytes" : "count");
    for (size_t i = 0; i < p->site_count; i++)
        if (measure_value(&p->sites[i].m, measure) != 0)
            write_sample(w, &p->sites[i], measure);
    protobuf_fixed64(&w->profile, PROFILE_TIME, (uint64_t)interval->from_ns);
    protobuf_number(&w->profile, PROFILE_DURATION, (uint64_t)(interval->until_ns - interval->from_ns));
    write_type(w, PROFILE_PERIOD_TYPE, "space", "bytes");
    protobuf_number(&w->profile, PROFILE_PERIOD, sampling_is_on(run) ? (uint64_t)run->sampling.interval : 1);
    if (getrandom(id, sizeof id, 0) == (ssize_t)sizeof id)
        protobuf_data(&w->profile, PROFILE_ID, id, sizeof id);
    write_attributes(w);
    end_message(&w->scope, SCOPE_PROFILES_PROFILES, &w->profile);
}

static void write_resource(struct writer *w)
{
    struct resource resource;
    struct protobuf message = {0}, pair = {0};

    resource_read(&resource, w->increment->name, w->increment->run.label);
    for (int i = 0; i < resource.count; i++) {
        char *name = text_harmless(resource.attributes[i].name);

        protobuf_text(&pair, KEY_VALUE_KEY, name);
        write_value(&pair, KEY_VALUE_VALUE, resource.attributes[i].value, 0);
        end_message(&message, RESOURCE_ATTRIBUTES, &pair);
        free(name);
    }
    end_message(&w->resource, RESOURCE_PROFILES_RESOURCE, &message);
    resource_free(&resource);
}

static void write_request(struct writer *w)
{
    struct protobuf message = {0};

    write_resource(w);
    protobuf_text(&message, SCOPE_NAME, "libtrace");
    protobuf_text(&message, SCOPE_VERSION, LIBTRACE_VERSION);
    end_message(&w->scope, SCOPE_PROFILES_SCOPE, &message);
    /* Viewers show the first profile where they are not told which: what is in use. */
    static const enum measure order[] = {MEASURE_live_bytes, MEASURE_live_allocations, MEASURE_bytes,
                                         MEASURE_allocations};

    for (size_t i = 0; i < sizeof order / sizeof order[0]; i++)
        write_profile(w, order[i]);
    end_message(&w->resource, RESOURCE_PROFILES_SCOPE_PROFILES, &w->scope);
    end_message(&w->request, REQUEST_RESOURCE_PROFILES, &w->resource);
    end_message(&w->request, REQUEST_DICTIONARY, &w->dictionary);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int compress(const struct writer *w, struct parcel *parcel)
{
    FILE *out = open_memstream(&parcel->body, &parcel->size);
    int fine = gzip_to(out, w->request.data, w->request.size);

    fclose(out);
    return fine;
}

int otlp_write(const struct increment *increment, struct parcel *parcel)
{
    struct writer w = {.increment = increment};
    int status = EXIT_FINE;

    begin_dictionary(&w);
    write_request(&w);
    parcel->query = strdup("");
    if (!compress(&w, parcel))
        status = report_error(increment->report, EXIT_FAILED, "out of memory");
    texts_free(&w.strings);
    texts_free(&w.attributes);
    free(w.ranges);
    free(w.mappings);
    free(w.locations);
    free(w.functions);
    free(w.stacks);
    free(w.dictionary.data);
    free(w.request.data);
    free(w.resource.data);
    free(w.scope.data);
    free(w.profile.data);
    free(w.sample.data);
    return status;
}

/* ---- the answer ------------------------------------------------------------------------------ */

static uint64_t read_varint(const char **at, const char *end)
{
    uint64_t value = 0;

    for (unsigned shift = 0; *at < end && shift < 64; shift += 7) {
        unsigned char byte = (unsigned char)*(*at)++;

        value |= (uint64_t)(byte & 0x7f) << shift;
        if (byte < 0x80)
            return value;
    }
    *at = end;
    return 0;
}

/* The first field of that number, which is the message's first one if it is there at all; 0 = it is not. */
static uint64_t first_field(const char **at, const char *end, unsigned key)
{
    return read_varint(at, end) == key ? read_varint(at, end) : 0;
}

/* Only what the answer begins with is looked at: both fields are the first of their messages. */
uint64_t otlp_rejected(const char *answer, size_t size)
{
    const char *at = answer, *end = answer + size;
    uint64_t inner = first_field(&at, end, RESPONSE_PARTIAL_SUCCESS << 3 | 2);

    if (inner < (uint64_t)(end - at))
        end = at + inner;
    return first_field(&at, end, PARTIAL_SUCCESS_REJECTED << 3);
}
