/* intern.c - see intern.h. */
#include "intern.h"
#include "known_symbols.h"
#include "pycode.h"
#include "shortage.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <uthash.h>

#define PATIENCE 100        /* so often is waited in a run for what was not published yet, */
#define PATIENCE_NS 1000000 /* and for so long */
#define INLINES_MAX 32      /* source-level frames that one physical frame may show */

struct line_entry {
    struct line_key {
        const char *file, *function; /* interned, so equal text is the same pointer */
        uint32_t line, module;
    } key;
    uint32_t number;
    bool machinery;
    UT_hash_handle hh;
};

struct text_entry {
    UT_hash_handle hh;
    char text[];
};

struct process_module {
    uint32_t number; /* in the run; 0 = none */
    bool described;  /* there was a note of it */
    bool ours;       /* libtrace.so */
    uint64_t bias;
};

struct process_mark {
    char *name; /* NULL = not described */
    int kind;
};

/* ---- texts and lines --------------------------------------------------------------------------- */

static const char *intern_text(struct intern *intern, const char *text)
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

static void keep_error(struct intern *intern, int error)
{
    if (error && !intern->error)
        intern->error = error;
}

static struct line_entry *intern_line(struct intern *intern, const struct symbols_frame *frame,
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
    entry->machinery = !python && symbols_is_machinery(frame);
    HASH_ADD(hh, intern->lines, key, sizeof entry->key, entry);
    const char *path = module ? ((struct run_module *)intern->modules.memory)[module].path : "";
    keep_error(intern, store_line(intern->store, entry->number, frame->file, frame->line, frame->function,
                                  path, python ? "python" : "native", entry->machinery));
    return entry;
}

/* A function that nobody knows the name of is called by its place. */
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

/* ---- notes ------------------------------------------------------------------------------------- */

char intern_directory[PATH_MAX];

/* Gives the module its file, unless it has it, or its symbols were read without. */
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

/* file: see files.h; 0 = none. A module without a build ID is told from others by it. */
static uint32_t run_module(struct intern *intern, const char *path, const uint8_t *id, size_t id_size,
                           uint32_t file)
{
    if (id_size > sizeof((struct run_module *)0)->build_id)
        id_size = 0;
    struct run_module *all = intern->modules.memory;
    for (uint32_t i = 1; i <= intern->module_count; i++)
        if (strcmp(all[i].path, path) == 0 && all[i].build_id_size == id_size &&
            memcmp(all[i].build_id, id, id_size) == 0 && (id_size || all[i].file == file)) {
            give_file(intern, &all[i]); /* this process may have had it when others had not */
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
    keep_error(intern, store_module(intern->store, intern->module_count, path, id, id_size, -1));
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

/* False: it was not looked for yet. That comes before any event that the note is needed for is to be written.
 */
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

/* ---- frames ------------------------------------------------------------------------------------ */

/* The module of a native frame; NULL = none that is known. */
static const struct process_module *module_of(const struct intern_process *process,
                                              const struct arena_frame *frame)
{
    if (!frame->owner || ((size_t)frame->owner + 1) * sizeof(struct process_module) > process->modules.room)
        return NULL;
    return (const struct process_module *)process->modules.memory + frame->owner;
}

/* Of operator new and the like, which stand before the program's: nobody's business. */
static bool is_ours(const struct intern_process *process, const struct arena_frame *frame)
{
    const struct process_module *module = frame->kind == WIRE_FRAME_NATIVE ? module_of(process, frame) : NULL;
    return module && module->ours;
}

/* Where a process's frame is in the run's terms; false if it cannot be told (yet). */
static bool place_frame(const struct intern_process *process, const struct arena_frame *frame,
                        struct run_frame *place)
{
    memset(place, 0, sizeof *place);
    if (frame->kind == WIRE_FRAME_PYTHON) {
        if (((size_t)frame->owner + 1) * sizeof place->code > process->codes.room)
            return false;
        place->code = ((struct process_code **)process->codes.memory)[frame->owner];
        place->offset = frame->value;
        return place->code != NULL;
    }
    const struct process_module *module = frame->kind == WIRE_FRAME_NATIVE ? module_of(process, frame) : NULL;
    if (frame->kind == WIRE_FRAME_EMPTY || (frame->owner && !(module && module->described)))
        return false;
    if (module && module->number) { /* places outside of all modules have no name: they are all one */
        place->module = module->number;
        place->offset = frame->value - module->bias;
    }
    return true;
}

/* What a frame refers to is written before it, but by another thread, maybe, that is about to publish it: so
 * it is waited for. What does not come in spite of that is counted, and is a place without a name. True if it
 * is known. */
static bool find_place(struct intern *intern, struct intern_process *process, uint32_t raw,
                       struct run_frame *place)
{
    for (;;) {
        const struct arena_frame frame = arena_frame(process->slot, raw);
        if (raw == 0 || place_frame(process, &frame, place))
            return true;
        intern_notes(intern, process);
        if (place_frame(process, &frame, place))
            return true;
        if (intern->patience == 0)
            break;
        intern->patience--;
        nanosleep(&(struct timespec){0, PATIENCE_NS}, NULL);
    }
    intern->unplaced++;
    memset(place, 0, sizeof *place);
    return false;
}

/* The run's number of a process's frame. */
static uint32_t intern_frame(struct intern *intern, struct intern_process *process, uint32_t raw)
{
    uint32_t *known = raw <= ARENA_FRAMES_MAX ? GROW_AT(&process->frames, uint32_t, raw) : NULL;
    struct run_frame place = {0};
    if (!known)
        return 0;
    if (*known)
        return *known;
    bool sure = find_place(intern, process, raw, &place);
    uint64_t key = place.code ? 1ull << 63 | (uint64_t)place.code->number << 32 | (uint32_t)place.offset
                              : (uint64_t)(place.module + 1) << 48 | (place.offset & WIRE_ADDRESS_MASK);
    struct number_entry *entry = number_map_find(&intern->frame_numbers, key);
    if (!entry)
        return 0;
    if (!entry->number) {
        struct run_frame *new = GROW_AT(&intern->frames, struct run_frame, intern->frame_count + 1);
        if (!new)
            return 0;
        *new = place;
        entry->number = ++intern->frame_count;
        keep_error(intern, store_frame(intern->store, entry->number, place.module, (int64_t)place.offset));
    }
    *known = sure ? entry->number : 0;
    return entry->number;
}

/* ---- symbols ------------------------------------------------------------------------------------ */

/* Whether earlier runs can tell what is at this frame; if they have not been asked yet, they are. */
static bool known_earlier(struct intern *intern, struct run_module *module, uint64_t offset)
{
    if (!module->needed) {
        module->needed = true;
        module->earlier = earlier_open(intern->store, module->path, module->build_id, module->build_id_size);
    }
    size_t count;
    return earlier_find(module->earlier, offset, &count) != NULL;
}

void intern_symbols(struct intern *intern, struct intern_process *process)
{
    uint32_t end = process->slot ? arena_frames(process->slot) : 0;
    for (; process->looked < end; process->looked++) {
        struct run_frame place;
        const struct arena_frame frame = arena_frame(process->slot, process->looked + 1);
        if (!place_frame(process, &frame, &place))
            return; /* not described yet */
        if (!place.module || is_ours(process, &frame))
            continue;
        struct run_module *module = (struct run_module *)intern->modules.memory + place.module;
        if (module->read || !module->symbols || known_earlier(intern, module, place.offset))
            continue;
        symbols_module_state(module->symbols);
        module->read = true;
    }
}

/* The lines at a place in a module; their texts live as long as the run. */
static size_t resolve(struct intern *intern, struct run_module *module, uint64_t offset,
                      struct symbols_frame frames[INLINES_MAX])
{
    size_t count = 0;
    const struct symbols_frame *known = earlier_find(module->earlier, offset, &count);
    if (known) {
        count = count < INLINES_MAX ? count : INLINES_MAX;
        memcpy(frames, known, count * sizeof *frames);
    } else {
        module->needed = module->read = true;
        count = symbols_resolve(module->symbols, offset - 1, frames, INLINES_MAX);
    }
    for (size_t i = 0; i < count; i++) { /* equal texts have to be one */
        frames[i].file = frames[i].file ? intern_text(intern, frames[i].file) : NULL;
        frames[i].function = frames[i].function ? intern_text(intern, frames[i].function) : NULL;
    }
    return count;
}

/* ---- stacks ------------------------------------------------------------------------------------ */

#define DEPTH_MAX 16384 /* deeper than any stack is recorded */

/* The known number of a process's stack, 0 = not known yet. */
static uint32_t *known_node(struct intern_process *process, uint32_t raw)
{
    return GROW_AT(&process->nodes, uint32_t, raw);
}

static uint32_t add_node(struct intern *intern, uint32_t parent, uint32_t frame)
{
    struct number_entry *entry = number_map_find(&intern->node_numbers, (uint64_t)parent << 32 | frame);
    if (!entry || entry->number)
        return entry ? entry->number : 0;
    struct run_node *node = GROW_AT(&intern->nodes, struct run_node, intern->node_count + 1);
    if (!node)
        return 0;
    *node = (struct run_node){.parent = parent, .frame = frame};
    return entry->number = ++intern->node_count;
}

static int next_node(void *data, struct store_node *row)
{
    struct intern *intern = data;
    if (intern->nodes_written == intern->node_count)
        return 0;
    uint32_t number = ++intern->nodes_written;
    const struct run_node *node = (const struct run_node *)intern->nodes.memory + number;
    *row =
        (struct store_node){number, node->parent == WIRE_NODE_CUT ? -1 : (int64_t)node->parent, node->frame};
    return 1;
}

void intern_write_nodes(struct intern *intern)
{
    if (intern->nodes_written < intern->node_count)
        keep_error(intern, store_nodes(intern->store, next_node, intern));
}

static void note_use(struct intern_process *process, uint32_t number)
{
    uint8_t *bits = GROW_AT(&process->used, uint8_t, number / 8), bit = (uint8_t)(1u << number % 8);
    if (!bits)
        return;
    process->twins |= (*bits & bit) != 0;
    *bits |= bit;
}

uint32_t intern_node(struct intern *intern, struct intern_process *process, uint32_t raw)
{
    static struct {
        uint32_t node, frame;
    } path[DEPTH_MAX]; /* of each node one look is taken: the next might show another */
    unsigned depth = 0;
    uint32_t number = WIRE_NODE_ROOT, *known;
    /* Outwards to the first stack that is known, then back inwards. */
    for (uint32_t at = raw; at != WIRE_NODE_ROOT;) {
        uint64_t node = at != WIRE_NODE_CUT ? arena_node(process->slot, at) : 0;
        if (!node) { /* cut off, or not there, which cannot be */
            number = WIRE_NODE_CUT;
            if (at != WIRE_NODE_CUT)
                arena_damage(process->slot);
            break;
        }
        if (depth == DEPTH_MAX || !(known = known_node(process, at)))
            break;
        if (*known) {
            number = *known;
            break;
        }
        path[depth].node = at;
        path[depth++].frame = (uint32_t)node;
        at = (uint32_t)(node >> 32);
    }
    while (depth-- > 0) {
        const struct arena_frame frame = arena_frame(process->slot, path[depth].frame);
        bool ours = is_ours(process, &frame);
        if (!ours)
            number = add_node(intern, number, intern_frame(intern, process, path[depth].frame));
        *known_node(process, path[depth].node) = number;
        /* A frame of ours is no node, unless a whole stack ends with it, and is one with its caller's. */
        if (!ours || depth == 0)
            note_use(process, number);
    }
    return number == WIRE_NODE_CUT ? WIRE_NODE_ROOT : number;
}

/* ---- what they show ---------------------------------------------------------------------------- */

static void show_line(struct intern *intern, uint32_t frame, int depth, const struct line_entry *line,
                      struct shown *shown)
{
    keep_error(intern, store_frame_line(intern->store, frame, depth, line->number));
    if (!shown->leaf)
        shown->leaf = line->number;
    if (line->machinery)
        return;
    if (!shown->fallback)
        shown->fallback = line->number;
    if (!shown->good && line->key.file)
        shown->good = line->number;
}

static void show_native(struct intern *intern, uint32_t frame, uint32_t module, uint64_t offset,
                        struct shown *shown)
{
    struct symbols_frame frames[INLINES_MAX];
    size_t count = 0;
    if (module) {
        struct run_module *of = (struct run_module *)intern->modules.memory + module;
        if (of->symbols)
            count = resolve(intern, of, offset, frames);
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
                        uint64_t offset, struct shown *shown)
{
    int32_t number = pycode_line(code->table, code->table_size, code->first_line, code->version, offset);
    struct symbols_frame place = {code->name, code->file, number > 0 ? (uint32_t)number : 0};
    const struct line_entry *line = intern_line(intern, &place, 0, true);
    if (line)
        show_line(intern, frame, 0, line, shown);
    shown->python = shown->good != 0;
}

/* True for the frames of a Python interpreter itself: what it allocates counts for the Python line that it
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

static struct shown show_frame(struct intern *intern, uint32_t number)
{
    struct run_frame *frame = (struct run_frame *)intern->frames.memory + number;
    if (!frame->shown.leaf && number) {
        if (frame->code)
            show_python(intern, number, frame->code, frame->offset, &frame->shown);
        else
            show_native(intern, number, frame->module, frame->offset, &frame->shown);
    }
    return frame->shown;
}

static struct shown show_nothing(struct intern *intern)
{
    const struct symbols_frame unknown = {.function = intern_text(intern, "[no stack]")};
    const struct line_entry *line = intern_line(intern, &unknown, 0, false);
    uint32_t number = line ? line->number : 0;
    return (struct shown){0, number, number, false};
}

struct shown intern_show(struct intern *intern, uint32_t number)
{
    static uint32_t path[DEPTH_MAX];
    unsigned depth = 0;
    struct run_node *nodes = intern->nodes.memory;
    struct shown outer = {0};
    /* Outwards to the first that was looked up, then back inwards. */
    while (number != WIRE_NODE_ROOT && number != WIRE_NODE_CUT && !nodes[number].shown.leaf &&
           depth < DEPTH_MAX) {
        path[depth++] = number;
        number = nodes[number].parent;
    }
    if (number != WIRE_NODE_ROOT && number != WIRE_NODE_CUT)
        outer = nodes[number].shown;
    while (depth-- > 0) {
        struct shown own = show_frame(intern, nodes[path[depth]].frame);
        if (!own.good || (outer.python && in_interpreter(intern, nodes[path[depth]].frame))) {
            own.good = outer.good;
            own.python = outer.python;
        }
        own.fallback = own.fallback ? own.fallback : outer.fallback;
        nodes[path[depth]].shown = outer = own;
    }
    return outer.leaf ? outer : show_nothing(intern);
}

/* ---- life -------------------------------------------------------------------------------------- */

bool intern_open(struct intern *intern, struct store *store)
{
    memset(intern, 0, sizeof *intern);
    intern->store = store;
    intern->patience = PATIENCE;
    intern->symbols = symbols_open();
    return intern->symbols && GROW_AT(&intern->frames, struct run_frame, 0) &&
           GROW_AT(&intern->nodes, struct run_node, 0);
}

void intern_finish(struct intern *intern)
{
    struct run_module *modules = intern->modules.memory;
    for (uint32_t i = 1; i <= intern->module_count; i++) {
        if (modules[i].state_written || !modules[i].symbols || !modules[i].needed)
            continue;
        modules[i].state_written = true;
        int state = modules[i].read || !modules[i].earlier ? (int)symbols_module_state(modules[i].symbols)
                                                           : (int)SYMBOLS_LINES;
        keep_error(intern, store_module(intern->store, i, modules[i].path, modules[i].build_id,
                                        modules[i].build_id_size, state));
    }
}

void intern_process_close(struct intern_process *process)
{
    for (uint32_t i = 1; i <= process->mark_count; i++)
        free(((struct process_mark *)process->marks.memory)[i].name);
    arena_notes_close(&process->notes);
    grow_free(&process->modules);
    grow_free(&process->codes);
    grow_free(&process->marks);
    grow_free(&process->frames);
    grow_free(&process->nodes);
    grow_free(&process->used);
    free(process->executable);
    free(process->command);
    free(process->label);
    memset(process, 0, sizeof *process);
}

void intern_close(struct intern *intern)
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
    for (uint32_t i = 1; i <= intern->module_count; i++) {
        free(((struct run_module *)intern->modules.memory)[i].path);
        earlier_close(((struct run_module *)intern->modules.memory)[i].earlier);
    }
    grow_free(&intern->modules);
    grow_free(&intern->frames);
    grow_free(&intern->nodes);
    free(intern->frame_numbers.entries);
    free(intern->node_numbers.entries);
    symbols_close(intern->symbols);
}
