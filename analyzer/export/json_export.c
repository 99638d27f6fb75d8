/* json_export.c - everything about a run's stacks, for programs: schema libtrace.export/1.
 *
 *   run, filter; total: measures of what passes the filter
 *   places: [{file, line, function, module, language}]   what stacks are made of
 *   stacks: [{process, frames: [index in places, ...], measures}]   frames innermost first
 */
#include "json.h"
#include "export.h"

#include <stdlib.h>

static void write_places(struct json *json, const struct profile *p)
{
    json_array(json, "places");
    for (size_t i = 0; i < p->place_count; i++) {
        const struct profile_place *place = &p->places[i];

        json_object(json, NULL);
        json_text(json, "file", place->file);
        json_number(json, "line", place->line);
        json_text(json, "function", place->function);
        json_text(json, "module", place->module);
        json_text(json, "language", place->language);
        json_close(json);
    }
    json_close(json);
}

static void write_modules(struct json *json, const struct profile *p)
{
    json_array(json, "modules");
    for (size_t i = 1; i < p->module_count; i++) {
        json_object(json, NULL);
        json_text(json, "path", p->modules[i].path);
        json_text(json, "build_id", p->modules[i].build_id);
        json_close(json);
    }
    json_close(json);
}

static void write_processes(struct json *json, const struct export_process *processes, size_t count)
{
    json_array(json, "processes");
    for (size_t i = 0; i < count; i++) {
        json_object(json, NULL);
        json_number(json, "process", processes[i].process);
        json_number(json, "pid", processes[i].pid);
        json_close(json);
    }
    json_close(json);
}

static void write_stacks(struct json *json, const struct profile *p)
{
    struct profile_stack stack = {0};

    json_array(json, "stacks");
    for (size_t i = 0; i < p->site_count; i++) {
        const struct profile_site *site = &p->sites[i];

        profile_stack(p, site->node, &stack);
        json_object(json, NULL);
        json_number(json, "process", site->process);
        json_number(json, "counts_for", site->place);
        json_text(json, "type",
                  p->nodes[site->node].type != 0 ? p->types.text[p->nodes[site->node].type] : NULL);
        json_numbers(json, "frames", stack.places, stack.count);
        measures_json(json, p->run, &site->m, p->variances != NULL ? &p->variances[i] : NULL);
        json_close(json);
    }
    json_close(json);
    free(stack.places);
}

int export_json(const struct export *export)
{
    struct export_process *processes;
    size_t count;
    int status = export_processes(export, &processes, &count);
    struct json json;

    if (status == EXIT_FINE) {
        json_begin(&json, export->out, "libtrace.export/1");
        run_json(&json, "run", export->run);
        filter_json(&json, export->filter, export->run);
        json_object(&json, "total");
        measures_json(&json, export->run, &export->profile->sum, &export->profile->sum_v);
        json_close(&json);
        write_processes(&json, processes, count);
        write_modules(&json, export->profile);
        write_places(&json, export->profile);
        write_stacks(&json, export->profile);
        json_end(&json);
    }
    free(processes);
    return status;
}
