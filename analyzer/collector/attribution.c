/* attribution.c - see attribution.h. */
#include "attribution.h"
#include "intern_private.h"
#include "pycode.h"

#include <stdio.h>
#include <string.h>

#define OPERATOR_NEW "operator new(" /* operator new[] may have a number before the objects */

/* A function whose name is not known is named after its place. */
static const char *place_name(struct intern *intern, uint32_t module, uint64_t offset)
{
    char text[512];
    const char *path = module ? ((struct run_module *)intern->modules.memory)[module].path : NULL;
    const char *slash = path ? strrchr(path, '/') : NULL;
    if (path)
        snprintf(text, sizeof text, "%.400s+0x%llx", slash ? slash + 1 : path, (unsigned long long)offset);
    else
        snprintf(text, sizeof text, "[unknown]");
    return intern_text(intern, text);
}

static void show_line(struct intern *intern, uint32_t frame, int depth, const struct line_entry *line,
                      struct attribution *shown)
{
    intern_error(intern, store_frame_line(intern->store, frame, depth, line->number));
    if (!shown->innermost) {
        shown->innermost = line->number;
        shown->in_new = strncmp(line->key.function, OPERATOR_NEW, strlen(OPERATOR_NEW)) == 0;
    }
    if (!shown
             ->program) /* of the program's own functions only the type of what they were called by is known */
        shown->type = intern_type_of_both(intern, shown->type, line->type);
    if (line->library_code)
        return;
    if (!shown->program)
        shown->program = line->number;
    if (!shown->source && line->key.file)
        shown->source = line->number;
}

static void show_native(struct intern *intern, uint32_t frame, uint32_t module, uint64_t offset,
                        struct attribution *shown)
{
    struct symbols_frame frames[INLINES_MAX];
    size_t count = 0;
    if (module) {
        struct run_module *of = (struct run_module *)intern->modules.memory + module;
        if (of->symbols)
            count = intern_resolve(intern, of, offset, frames);
    }
    if (count == 0) {
        count = 1;
        frames[0] = (struct symbols_frame){0};
    }
    for (size_t i = 0; i < count; i++) {
        if (!frames[i].function)
            frames[i].function = place_name(intern, module, offset);
        const struct line_entry *line = intern_line(intern, &frames[i], module, false);
        if (line)
            show_line(intern, frame, (int)i, line, shown);
    }
}

static void show_python(struct intern *intern, uint32_t frame, const struct process_code *code,
                        uint64_t offset, struct attribution *shown)
{
    int32_t number = pycode_line(code->table, code->table_size, code->first_line, code->version, offset);
    struct symbols_frame place = {code->name, code->file, number > 0 ? (uint32_t)number : 0};
    const struct line_entry *line = intern_line(intern, &place, 0, true);
    if (line)
        show_line(intern, frame, 0, line, shown);
    shown->python = shown->source != 0;
}

/* True for frames of a Python interpreter itself: what it allocates counts for the Python line that it
 * runs. */
static bool in_interpreter(const struct intern *intern, uint32_t frame)
{
    const struct run_frame *place = (const struct run_frame *)intern->frames.memory + frame;
    if (place->code || !place->module)
        return false;
    const char *path = ((const struct run_module *)intern->modules.memory)[place->module].path;
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    return strncmp(name, "libpython", 9) == 0 || strncmp(name, "python", 6) == 0;
}

static struct attribution show_frame(struct intern *intern, uint32_t number)
{
    struct run_frame *frame = (struct run_frame *)intern->frames.memory + number;
    if (!frame->shown.innermost && number) {
        if (frame->code)
            show_python(intern, number, frame->code, frame->offset, &frame->shown);
        else
            show_native(intern, number, frame->module, frame->offset, &frame->shown);
    }
    return frame->shown;
}

static struct attribution show_nothing(struct intern *intern)
{
    const struct symbols_frame unknown = {.function = intern_text(intern, "[no stack]")};
    const struct line_entry *line = intern_line(intern, &unknown, 0, false);
    uint32_t number = line ? line->number : 0;
    return (struct attribution){.program = number, .innermost = number};
}

struct attribution attribution_of(struct intern *intern, uint32_t number)
{
    static uint32_t path[DEPTH_MAX];
    unsigned depth = 0;
    struct run_node *nodes = intern->nodes.memory;
    struct attribution outer = {0};
    /* Outwards to the first node that was looked up before, then back inwards. */
    while (number != WIRE_NODE_ROOT && number != WIRE_NODE_CUT && !nodes[number].shown.innermost &&
           depth < DEPTH_MAX) {
        path[depth++] = number;
        number = nodes[number].parent;
    }
    if (number != WIRE_NODE_ROOT && number != WIRE_NODE_CUT)
        outer = nodes[number].shown;
    while (depth-- > 0) {
        struct attribution own = show_frame(intern, nodes[path[depth]].frame);
        if (!own.source || (outer.python && in_interpreter(intern, nodes[path[depth]].frame))) {
            own.source = outer.source;
            own.python = outer.python;
        }
        if (!own.program)
            own.type = intern_type_of_both(intern, own.type, outer.type);
        own.program = own.program ? own.program : outer.program;
        nodes[path[depth]].shown = outer = own;
    }
    return outer.innermost ? outer : show_nothing(intern);
}

uint32_t attribution_line(const struct attribution *attribution)
{
    return attribution->source    ? attribution->source
           : attribution->program ? attribution->program
                                  : attribution->innermost;
}
