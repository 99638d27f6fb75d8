/* intern.c - see intern.h. */
#include "intern_private.h"
#include "known_symbols.h"
#include "shortage.h"

#include <limits.h>
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define PATIENCE 100        /* how often, in a run, we wait for what is not published yet, */
#define PATIENCE_NS 1000000 /* and how long each time */

char intern_directory[PATH_MAX];

void intern_error(struct intern *intern, int error)
{
    if (error && !intern->error)
        intern->error = error;
}

/* ---- frames ------------------------------------------------------------------------------------ */

/* The module of a native frame; NULL = not known. */
static const struct process_module *module_of(const struct intern_process *process,
                                              const struct arena_frame *frame)
{
    if (!frame->owner || ((size_t)frame->owner + 1) * sizeof(struct process_module) > process->modules.room)
        return NULL;
    return (const struct process_module *)process->modules.memory + frame->owner;
}

/* Frames of libtrace.so, such as operator new, which replaces the program's, are not shown. */
bool intern_is_ours(const struct intern_process *process, const struct arena_frame *frame)
{
    const struct process_module *module = frame->kind == WIRE_FRAME_NATIVE ? module_of(process, frame) : NULL;
    return module && module->ours;
}

/* Translates a process's frame to the run's numbers; false if that is not possible (yet). */
bool intern_place(const struct intern_process *process, const struct arena_frame *frame,
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
    const bool has_module = frame->kind == WIRE_FRAME_NATIVE || frame->kind == WIRE_FRAME_CALL;
    const struct process_module *module = has_module ? module_of(process, frame) : NULL;
    if (frame->kind == WIRE_FRAME_EMPTY || (frame->owner && !(module && module->described)))
        return false;
    if (module && module->number) { /* places outside of all modules have no name, and are treated as one */
        place->module = module->number;
        place->offset = frame->value - module->bias;
    }
    return true;
}

/* Everything that a frame refers to is written before it, but maybe by another thread that has not
 * published it yet: so we wait a little. If it does not come, that is counted, and the frame is a place
 * without a name. True if it is known. */
static bool find_place(struct intern *intern, struct intern_process *process, uint32_t raw,
                       struct run_frame *place)
{
    for (;;) {
        const struct arena_frame frame = arena_frame(process->slot, raw);
        if (raw == 0 || intern_place(process, &frame, place))
            return true;
        intern_notes(intern, process);
        if (intern_place(process, &frame, place))
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

/* The run's number for a type of a process; 0 = it is not described. Waits as find_place() does. */
static uint32_t find_type(struct intern *intern, struct intern_process *process, uint32_t raw)
{
    for (;;) {
        if (((size_t)raw + 1) * sizeof(uint32_t) <= process->types.room &&
            ((const uint32_t *)process->types.memory)[raw])
            return ((const uint32_t *)process->types.memory)[raw];
        uint64_t at = process->notes.at;
        intern_notes(intern, process);
        if (process->notes.at != at)
            continue;
        if (intern->patience == 0)
            return 0;
        intern->patience--;
        nanosleep(&(struct timespec){0, PATIENCE_NS}, NULL);
    }
}

/* The run's number for a process's frame. */
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
        intern_error(intern, store_frame(intern->store, entry->number, place.module, (int64_t)place.offset));
    }
    *known = sure ? entry->number : 0;
    return entry->number;
}

/* ---- stacks ------------------------------------------------------------------------------------ */

/* The run's number for a process's stack, if it is known; 0 = not yet. */
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
    assert(node->parent < number || node->parent == WIRE_NODE_CUT); /* callers are numbered before callees */
    *row =
        (struct store_node){number, node->parent == WIRE_NODE_CUT ? -1 : (int64_t)node->parent, node->frame};
    return 1;
}

void intern_write_nodes(struct intern *intern)
{
    if (intern->nodes_written < intern->node_count)
        intern_error(intern, store_nodes(intern->store, next_node, intern));
}

static void note_use(struct intern_process *process, uint32_t number)
{
    uint8_t *bits = GROW_AT(&process->used, uint8_t, number / 8), bit = (uint8_t)(1u << number % 8);
    if (!bits)
        return;
    process->merged |= (*bits & bit) != 0;
    *bits |= bit;
}

/* The node for the blocks of a type among those of a stack. */
static uint32_t typed(struct intern *intern, struct intern_process *process, uint32_t stack, uint32_t raw)
{
    uint32_t type = stack != WIRE_NODE_ROOT && stack != WIRE_NODE_CUT ? find_type(intern, process, raw) : 0;
    uint32_t node = type ? intern_typed_node(intern, stack, type) : 0;
    return node ? node : stack;
}

/* The node for those that a call has asked for; if its module is not known, calls are not told apart. */
static uint32_t called(struct intern *intern, struct intern_process *process, uint32_t stack, uint32_t raw)
{
    struct run_frame place;
    if (stack == WIRE_NODE_ROOT || stack == WIRE_NODE_CUT || !find_place(intern, process, raw, &place) ||
        !place.module)
        return stack;
    return intern_call_node(intern, &place, stack);
}

uint32_t intern_node(struct intern *intern, struct intern_process *process, uint32_t raw)
{
    static struct {
        uint32_t node, frame;
    } path[DEPTH_MAX]; /* each node is read only once: it might have changed the next time */
    unsigned depth = 0;
    uint32_t number = WIRE_NODE_ROOT, *known;
    /* Outwards to the first stack that is known, then back inwards. */
    for (uint32_t at = raw; at != WIRE_NODE_ROOT;) {
        uint64_t node = at != WIRE_NODE_CUT ? arena_node(process->slot, at) : 0;
        if (!node) { /* cut off, or missing, which is impossible */
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
    intern->translates = true;
    while (depth-- > 0) {
        const struct arena_frame frame = arena_frame(process->slot, path[depth].frame);
        bool ours = intern_is_ours(process, &frame);
        if (frame.kind == WIRE_FRAME_TYPE)
            number = typed(intern, process, number, frame.owner);
        else if (frame.kind == WIRE_FRAME_CALL)
            number = called(intern, process, number, path[depth].frame);
        else if (!ours)
            number = add_node(intern, number, intern_frame(intern, process, path[depth].frame));
        *known_node(process, path[depth].node) = number;
        /* A frame of ours is no node of its own, but the same as its caller's, unless it is the whole
         * stack. */
        if (!ours || depth == 0)
            note_use(process, number);
    }
    intern->translates = false;
    return number == WIRE_NODE_CUT ? WIRE_NODE_ROOT : number;
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
        int state = modules[i].read || !modules[i].known ? (int)symbols_module_state(modules[i].symbols)
                                                         : (int)SYMBOLS_LINES;
        intern_error(intern, store_module(intern->store, i, modules[i].path, modules[i].build_id,
                                          modules[i].build_id_size, state));
    }
}

void intern_process_close(struct intern_process *process)
{
    intern_notes_close(process);
    grow_free(&process->frames);
    grow_free(&process->nodes);
    grow_free(&process->used);
    memset(process, 0, sizeof *process);
}

void intern_close(struct intern *intern)
{
    intern_lines_close(intern);
    intern_objects_close(intern);
    intern_types_close(intern);
    for (uint32_t i = 1; i <= intern->module_count; i++) {
        free(((struct run_module *)intern->modules.memory)[i].path);
        known_symbols_close(((struct run_module *)intern->modules.memory)[i].known);
    }
    grow_free(&intern->modules);
    grow_free(&intern->frames);
    grow_free(&intern->nodes);
    free(intern->frame_numbers.entries);
    free(intern->node_numbers.entries);
    free(intern->typed_numbers.entries);
    free(intern->call_numbers.entries);
    grow_free(&intern->calls);
    symbols_close(intern->symbols);
}
