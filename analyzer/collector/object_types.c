/* object_types.c - see object_types.h. */
#include "object_types.h"

#define TYPES_MOST 65536u /* of a process */

struct arena_frame object_types_end(const struct tracked_process *process, const struct site *site)
{
    uint64_t node = process->slot && site->node != WIRE_NODE_CUT ? arena_node(process->slot, site->node) : 0;
    return node ? arena_frame(process->slot, (uint32_t)node) : (struct arena_frame){.kind = WIRE_FRAME_EMPTY};
}

static void read_types(struct tracked_process *process)
{
    process->type_notes.only = WIRE_NOTE_TYPE;
    for (const struct wire_note *note;
         (note = arena_next_note(process->slot, &process->type_notes)) != NULL;) {
        const struct wire_note_object_type *type = (const struct wire_note_object_type *)note;
        struct object_type *known =
            type->number < TYPES_MOST ? GROW_AT(&process->types, struct object_type, type->number) : NULL;
        if (known)
            *known = (struct object_type){.described = true,
                                          .owner = python_owner(type),
                                          .value = python_value(type),
                                          .keys = python_keys(type)};
    }
}

struct object_type *object_types_find(struct tracked_process *process, uint32_t number)
{
    struct object_type *types = process->types.memory;
    if (process->slot && number < TYPES_MOST &&
        !(number < process->types.room / sizeof *types && types[number].described)) {
        read_types(process);
        types = process->types.memory;
    }
    return number < process->types.room / sizeof *types ? &types[number] : NULL;
}
