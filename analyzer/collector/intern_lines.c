/* intern_lines.c - the lines of a run, each once, and how they are looked up: in what earlier runs
 * recorded for the same file, else in its symbols. */
#include "intern_private.h"
#include "known_symbols.h"
#include "shortage.h"

#include <stdlib.h>
#include <string.h>

struct text_entry {
    UT_hash_handle hh;
    char text[];
};

const char *intern_text(struct intern *intern, const char *text)
{
    struct text_entry *entry;
    HASH_FIND_STR(intern->texts, text, entry);
    if (!entry) {
        size_t size = strlen(text) + 1;
        entry = SHORTAGE_UNLESS(calloc(1, sizeof *entry + size));
        if (!entry)
            return "";
        memcpy(entry->text, text, size);
        HASH_ADD_STR(intern->texts, text, entry);
    }
    return entry->text;
}

const struct line_entry *intern_line(struct intern *intern, const struct symbols_frame *frame,
                                     uint32_t module, bool python)
{
    struct line_key key;
    memset(&key, 0, sizeof key);
    key.file = frame->file;
    key.function = frame->function;
    key.line = frame->line;
    key.module = module;
    struct line_entry *entry;
    HASH_FIND(hh, intern->lines, &key, sizeof key, entry);
    if (entry)
        return entry;
    entry = SHORTAGE_UNLESS(calloc(1, sizeof *entry));
    if (!entry)
        return NULL;
    entry->key = key;
    entry->number = ++intern->line_count;
    entry->library_code = !python && symbols_is_library_code(frame);
    entry->type = entry->library_code ? intern_type_of(intern, frame->function) : 0;
    HASH_ADD(hh, intern->lines, key, sizeof entry->key, entry);
    const char *path = module ? ((struct run_module *)intern->modules.memory)[module].path : "";
    intern_error(intern, store_line(intern->store, entry->number, frame->file, frame->line, frame->function,
                                    path, python ? "python" : "native", entry->library_code));
    return entry;
}

/* True if earlier runs know this frame; loads what they know at the first call for a module. */
static bool is_known(struct intern *intern, struct run_module *module, uint64_t offset)
{
    if (!module->needed) {
        module->needed = true;
        module->known =
            known_symbols_open(intern->store, module->path, module->build_id, module->build_id_size);
    }
    size_t count;
    return known_symbols_find(module->known, offset, &count) != NULL;
}

bool intern_has_new_frames(const struct intern_process *process)
{
    return process->slot && process->looked < arena_frames(process->slot);
}

void intern_symbols(struct intern *intern, struct intern_process *process)
{
    uint32_t end = process->slot ? arena_frames(process->slot) : 0;
    for (; process->looked < end; process->looked++) {
        struct run_frame place;
        const struct arena_frame frame = arena_frame(process->slot, process->looked + 1);
        if (frame.kind == WIRE_FRAME_TYPE || frame.kind == WIRE_FRAME_CALL)
            continue;
        if (!intern_place(process, &frame, &place))
            return; /* not described yet */
        if (!place.module || intern_is_ours(process, &frame))
            continue;
        struct run_module *module = (struct run_module *)intern->modules.memory + place.module;
        if (module->read || !module->symbols || is_known(intern, module, place.offset))
            continue;
        symbols_module_state(module->symbols);
        module->read = true;
    }
}

/* The lines at a place in a module; their texts live until the end of the run. */
size_t intern_resolve(struct intern *intern, struct run_module *module, uint64_t offset,
                      struct symbols_frame frames[INLINES_MAX])
{
    size_t count = 0;
    const struct symbols_frame *known = known_symbols_find(module->known, offset, &count);
    if (known) {
        count = count < INLINES_MAX ? count : INLINES_MAX;
        memcpy(frames, known, count * sizeof *frames);
    } else {
        module->needed = module->read = true;
        count = symbols_resolve(module->symbols, offset - 1, frames, INLINES_MAX);
    }
    for (size_t i = 0; i < count; i++) { /* equal texts must be the same pointer */
        frames[i].file = frames[i].file ? intern_text(intern, frames[i].file) : NULL;
        frames[i].function = frames[i].function ? intern_text(intern, frames[i].function) : NULL;
    }
    return count;
}

void intern_lines_close(struct intern *intern)
{
    struct line_entry *line, *next_line;
    HASH_ITER(hh, intern->lines, line, next_line)
    {
        HASH_DEL(intern->lines, line);
        free(line);
    }
    struct text_entry *text, *next_text;
    HASH_ITER(hh, intern->texts, text, next_text)
    {
        HASH_DEL(intern->texts, text);
        free(text);
    }
}
