/* speedscope.c - the format of speedscope (github.com/jlfwong/speedscope, file-format-spec.ts): one
 * sampled profile. */
#include "export.h"

#include <stdlib.h>

static void write_frames(struct json *json, const struct profile *p)
{
    json_object(json, "shared");
    json_array(json, "frames");
    for (size_t i = 0; i < p->place_count; i++) {
        const struct profile_place *place = &p->places[i];

        json_object(json, NULL);
        json_text(json, "name", place->function);
        if (place->file != NULL || *place->module != '\0')
            json_text(json, "file", place->file != NULL ? place->file : place->module);
        if (place->line > 0)
            json_number(json, "line", place->line);
        json_close(json);
    }
    json_close(json);
    json_close(json);
}

/* The outermost frame comes first. */
static void write_samples(struct json *json, const struct export *export)
{
    const struct profile *p = export->profile;
    struct profile_stack stack = {0};

    json_array(json, "samples");
    for (size_t i = 0; i < p->site_count; i++) {
        if (measure_value(&p->sites[i].m, export->by) == 0)
            continue;
        profile_stack(p, p->sites[i].node, &stack);
        for (size_t a = 0, b = stack.count; a + 1 < b; a++) {
            int64_t place = stack.places[a];

            stack.places[a] = stack.places[--b];
            stack.places[b] = place;
        }
        json_numbers(json, NULL, stack.places, stack.count);
    }
    json_close(json);
    free(stack.places);
}

int export_speedscope(const struct export *export)
{
    const struct profile *p = export->profile;
    int counts = !measures[export->by].is_bytes;
    struct json json = {.out = export->out};

    json_object(&json, NULL);
    json_text(&json, "$schema", "https://www.speedscope.app/file-format-schema.json");
    json_text(&json, "version", "0.0.1");
    json_text(&json, "name", export->run->command);
    json_text(&json, "exporter", "libtrace");
    json_number(&json, "activeProfileIndex", 0);
    write_frames(&json, p);
    json_array(&json, "profiles");
    json_object(&json, NULL);
    json_text(&json, "type", "sampled");
    json_text(&json, "name", measures[export->by].by);
    json_text(&json, "unit", counts ? "none" : "bytes");
    json_number(&json, "startValue", 0);
    json_number(&json, "endValue", measure_value(&p->sum, export->by));
    write_samples(&json, export);
    json_array(&json, "weights");
    for (size_t i = 0; i < p->site_count; i++)
        if (measure_value(&p->sites[i].m, export->by) != 0)
            json_number(&json, NULL, measure_value(&p->sites[i].m, export->by));
    json_end(&json);
    return EXIT_FINE;
}
