/* intern_notes.c - reads how a process described itself: modules, Python code, marks, and its name. */
#include "intern_private.h"
#include "shortage.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct process_mark {
    char *name; /* NULL = not described yet */
    int kind;
};

/* Gives the module its file, unless it has it, or its symbols were read without it. */
static void give_file(struct intern *intern, struct run_module *module)
{
    int file;
    if (!intern->files || !module->symbols || module->held || module->read)
        return;
    switch (files_take(intern->files, module->file, &file)) {
    case FILES_HELD:
        symbols_module_file(module->symbols, file);
        module->held = true;
        break;
    case FILES_GONE:
        symbols_module_lost(module->symbols, SYMBOLS_GONE);
        break;
    case FILES_REPLACED:
        symbols_module_lost(module->symbols, SYMBOLS_REPLACED);
        break;
    default:
        break;
    }
}

/* file: see files.h; 0 = none. It identifies modules that have no build ID. */
static uint32_t run_module(struct intern *intern, const char *path, const uint8_t *id, size_t id_size,
                           uint32_t file)
{
    if (id_size > sizeof((struct run_module *)0)->build_id)
        id_size = 0;
    struct run_module *all = intern->modules.memory;
    for (uint32_t i = 1; i <= intern->module_count; i++)
        if (strcmp(all[i].path, path) == 0 && all[i].build_id_size == id_size &&
            memcmp(all[i].build_id, id, id_size) == 0 && (id_size || all[i].file == file)) {
            give_file(intern, &all[i]); /* an earlier process may not have had the file */
            return i;
        }
    struct run_module *module = GROW_AT(&intern->modules, struct run_module, intern->module_count + 1);
    char *copy = SHORTAGE_UNLESS(strdup(path));
    if (!module || !copy) {
        free(copy);
        return 0;
    }
    module->path = copy;
    memcpy(module->build_id, id, id_size);
    module->build_id_size = id_size;
    char full[2 * PATH_MAX];
    snprintf(full, sizeof full, "%s/%s", intern_directory, path);
    bool relative = path[0] != '/' && strchr(path, '/');
    module->symbols = SHORTAGE_UNLESS(symbols_module(intern->symbols, relative ? full : path, id, id_size));
    module->file = file;
    give_file(intern, module);
    intern->module_count++;
    intern_error(intern, store_module(intern->store, intern->module_count, path, id, id_size, -1));
    return intern->module_count;
}

static void take_module(struct intern *intern, struct intern_process *process,
                        const struct wire_note_module *note, uint32_t file)
{
    struct process_module *module = GROW_AT(&process->modules, struct process_module, note->number);
    if (!module)
        return;
    const char *path = note->bytes + note->build_id_size;
    module->number = run_module(intern, path, (const uint8_t *)note->bytes, note->build_id_size, file);
    module->bias = note->bias;
    module->start = note->start;
    module->end = note->end;
    module->described = true;
    module->ours = note->ours != 0;
}

static void take_code(struct intern *intern, struct intern_process *process,
                      const struct wire_note_code *note)
{
    struct process_code **place = GROW_AT(&process->codes, struct process_code *, note->number);
    struct process_code *code = SHORTAGE_UNLESS(calloc(1, sizeof *code));
    if (!place || !code) {
        free(code);
        return;
    }
    const uint8_t *table = (const uint8_t *)note->bytes + note->file_size + note->name_size;
    code->file = intern_text(intern, note->bytes);
    code->name = intern_text(intern, note->bytes + note->file_size);
    code->first_line = note->first_line;
    code->version = note->version;
    code->table = SHORTAGE_UNLESS(malloc(note->table_size + 1));
    code->table_size = code->table ? note->table_size : 0;
    if (code->table)
        memcpy(code->table, table, note->table_size);
    code->number = ++intern->code_count;
    *place = code;
}

static void take_process(struct intern_process *process, const struct wire_note_process *note)
{
    if (process->executable)
        return;
    process->executable = strdup(note->text);
    process->command = strdup(note->text + note->executable_size);
    process->label = strdup(note->text + note->executable_size + note->command_size);
}

static void take_mark(struct intern_process *process, const struct wire_note_mark *note)
{
    struct process_mark *mark = GROW_AT(&process->marks, struct process_mark, note->number);
    if (!mark)
        return;
    free(mark->name);
    mark->name = SHORTAGE_UNLESS(strdup(note->name));
    mark->kind = note->kind != 0;
    if (note->number > process->mark_count)
        process->mark_count = note->number;
}

void intern_identity(struct intern_process *process)
{
    struct arena_notes notes = {0};
    const struct wire_note *note;
    while (!process->executable && (note = arena_next_note(process->slot, &notes)))
        if (note->type == WIRE_NOTE_PROCESS)
            take_process(process, (const struct wire_note_process *)note);
    arena_notes_close(&notes);
}

/* False if the file was not searched for yet. The main thread does that before any event that needs this note
 * is handed to us. */
static bool find_file(struct intern *intern, const struct intern_process *process,
                      const struct wire_note_module *note, uint32_t *file)
{
    uint32_t number = intern->files ? files_find(intern->files, process->index, note->number) : FILES_UNKNOWN;
    *file = number != FILES_UNKNOWN ? number : 0;
    return number != 0;
}

void intern_notes(struct intern *intern, struct intern_process *process)
{
    const struct wire_note *note;
    while ((note = arena_next_note(process->slot, &process->notes))) {
        uint32_t file, type = note->type;
        switch (type) {
        case WIRE_NOTE_MODULE:
            if (!find_file(intern, process, (const struct wire_note_module *)note, &file)) {
                arena_put_back_note(&process->notes);
                return;
            }
            take_module(intern, process, (const struct wire_note_module *)note, file);
            break;
        case WIRE_NOTE_CODE:
            take_code(intern, process, (const struct wire_note_code *)note);
            break;
        case WIRE_NOTE_TYPE:
            intern_take_type(intern, process, (const struct wire_note_object_type *)note);
            break;
        case WIRE_NOTE_PROCESS:
            take_process(process, (const struct wire_note_process *)note);
            break;
        case WIRE_NOTE_MARK:
            take_mark(process, (const struct wire_note_mark *)note);
            break;
        default:
            break;
        }
    }
    atomic_fetch_add(&shortage_count, process->notes.lost);
    process->notes.lost = 0;
}

const char *intern_mark(const struct intern_process *process, uint32_t number, int *kind)
{
    if (number == 0 || number > process->mark_count)
        return NULL;
    const struct process_mark *mark = (const struct process_mark *)process->marks.memory + number;
    *kind = mark->kind;
    return mark->name;
}

void intern_notes_close(struct intern_process *process)
{
    for (uint32_t i = 1; i <= process->mark_count; i++)
        free(((struct process_mark *)process->marks.memory)[i].name);
    arena_notes_close(&process->notes);
    grow_free(&process->modules);
    grow_free(&process->codes);
    grow_free(&process->types);
    grow_free(&process->marks);
    free(process->executable);
    free(process->command);
    free(process->label);
}
