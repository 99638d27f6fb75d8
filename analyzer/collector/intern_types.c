/* intern_types.c - types of blocks: each name has a number in the run, and stacks' types are written once.
 *
 * Types are inferred from the names of frames (C++, Rust), or told by the process (Python's objects).
 */
#define _GNU_SOURCE
#include "attribution.h"
#include "block_types.h"
#include "intern_private.h"
#include "shortage.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct type_entry {
    const char *name; /* interned, so equal names are the same pointer */
    uint32_t number;
    UT_hash_handle hh;
};

uint32_t intern_type_number(struct intern *intern, const char *text)
{
    const char *name = intern_text(intern, text);
    struct type_entry *entry;
    HASH_FIND_PTR(intern->type_numbers, &name, entry);
    if (entry)
        return entry->number;
    const char **place = GROW_AT(&intern->types, const char *, intern->type_count + 1);
    entry = SHORTAGE_UNLESS(place ? calloc(1, sizeof *entry) : NULL);
    if (!entry)
        return 0;
    *place = entry->name = name;
    entry->number = ++intern->type_count;
    HASH_ADD_PTR(intern->type_numbers, name, entry);
    return entry->number;
}

void intern_types_close(struct intern *intern)
{
    struct type_entry *entry, *next;
    HASH_ITER(hh, intern->type_numbers, entry, next)
    {
        HASH_DEL(intern->type_numbers, entry);
        free(entry);
    }
    grow_free(&intern->types);
    grow_free(&intern->layouts);
}

uint32_t intern_type_of(struct intern *intern, const char *function)
{
    char *type = block_type(function);
    uint32_t number = type ? intern_type_number(intern, type) : 0;
    free(type);
    return number;
}

#define MANAGED_DICT_FLAG (1ull << 4) /* from 3.11 on: where its dict is the offset does not say */

/* Where notes are read because a stack refers to one, that stack is only half translated: who made the type is left out then.
 * The note is gone once others are read, as happens here, too. */
static void take_layout(struct intern *intern, struct intern_process *process, uint32_t number,
                        const struct wire_note_object_type *note)
{
    struct type_layout new = {.basic_size = note->basic_size,
                              .item_size = note->item_size,
                              .has_dict = note->dict_offset != 0 || (note->flags & MANAGED_DICT_FLAG),
                              .at_run_time = note->heap,
                              .waits = true};
    const struct type_layout *known = GROW_AT(&intern->layouts, struct type_layout, number);
    if (!known || known->basic_size) /* another process has described it */
        return;
    if (note->made && !intern->translates)
        new.made = intern_node(intern, process, note->made);
    struct type_layout *layout = GROW_AT(&intern->layouts, struct type_layout, number);
    if (layout && !layout->basic_size) {
        new.keys = layout->keys;
        *layout = new;
    }
}

/* With the line that made it, which is looked up as those of stacks are. */
static void write_layout(struct intern *intern, uint32_t type)
{
    struct type_layout *layout = GROW_AT(&intern->layouts, struct type_layout, type);
    if (!layout || !layout->waits)
        return;
    layout->waits = false;
    struct attribution made = {0};
    if (layout->made)
        made = attribution_of(intern, layout->made);
    const struct store_object_type row = {.type = ((const char *const *)intern->types.memory)[type],
                                          .basic_size = layout->basic_size,
                                          .item_size = layout->item_size,
                                          .has_dict = layout->has_dict,
                                          .at_run_time = layout->at_run_time,
                                          .line = made.python ? made.source : 0};
    intern_error(intern, store_object_type(intern->store, &row));
}

void intern_keys_look(struct intern *intern, uint32_t node, uint32_t keys)
{
    uint32_t type = node != WIRE_NODE_ROOT ? ((const struct run_node *)intern->nodes.memory)[node].type : 0;
    struct type_layout *layout = type ? GROW_AT(&intern->layouts, struct type_layout, type) : NULL;
    if (!layout || layout->keys > keys)
        return;
    layout->keys = keys + 1;
    intern_error(intern,
                 store_object_keys(intern->store, ((const char *const *)intern->types.memory)[type], keys));
}

void intern_take_type(struct intern *intern, struct intern_process *process,
                      const struct wire_note_object_type *note)
{
    const char *module = note->text, *name = note->text + note->module_size;
    char *whole = NULL;
    uint32_t *number = GROW_AT(&process->types, uint32_t, note->number);
    if (!number)
        return;
    if (*module && strcmp(module, "builtins") != 0 &&
        !SHORTAGE_UNLESS(asprintf(&whole, "%s.%s", module, name) > 0 ? whole : NULL))
        return;
    *number = intern_type_number(intern, whole ? whole : name);
    free(whole);
    if (*number)
        take_layout(intern, process, *number, note);
}

uint32_t intern_part_node(struct intern *intern, uint32_t stack, uint32_t common)
{
    struct number_entry *entry = number_map_find(&intern->typed_numbers, (uint64_t)stack << 32 | common);
    if (!entry || entry->number)
        return entry ? entry->number : 0;
    struct run_node *node = GROW_AT(&intern->nodes, struct run_node, intern->node_count + 1);
    if (!node)
        return 0;
    const struct run_node *of = (const struct run_node *)intern->nodes.memory + stack;
    *node = (struct run_node){.parent = of->parent, .frame = of->frame};
    return entry->number = ++intern->node_count;
}

uint32_t intern_typed_node(struct intern *intern, uint32_t stack, uint32_t type)
{
    uint32_t node = intern_part_node(intern, stack, type);
    if (node)
        ((struct run_node *)intern->nodes.memory)[node].type = type;
    return node;
}

uint32_t intern_type_of_both(const struct intern *intern, uint32_t inner, uint32_t outer)
{
    const char *const *names = intern->types.memory;
    if (!inner || !outer)
        return inner ? inner : outer;
    return block_type_is_part(names[inner], names[outer]) ? outer : inner;
}

/* The type of an object that the program makes by new, by the constructor that it calls; 0 = not known. */
static uint32_t made_type(struct intern *intern, const struct run_node *stack, uint64_t size)
{
    if (!stack->parent || stack->parent == WIRE_NODE_CUT || !stack->shown.in_new)
        return 0;
    const struct run_node *caller = (const struct run_node *)intern->nodes.memory + stack->parent;
    const struct run_frame *frame = (const struct run_frame *)intern->frames.memory + caller->frame;
    struct run_module *module = (struct run_module *)intern->modules.memory + frame->module;
    if (frame->code || !frame->module || !module->symbols)
        return 0;
    module->needed = module->read = true;
    const char *class = symbols_made(module->symbols, frame->offset - 1, size);
    char *type = class ? block_type_of_class(class) : NULL;
    uint32_t number = type ? intern_type_number(intern, type) : 0;
    free(type);
    return number;
}

void intern_write_type(struct intern *intern, uint32_t node, uint64_t size)
{
    if (node == WIRE_NODE_ROOT || node == WIRE_NODE_CUT)
        return;
    struct run_node *stack = (struct run_node *)intern->nodes.memory + node;
    if (!stack->type && !stack->shown.type && !stack->shown.asked && size) {
        stack->shown.asked = true;
        stack->shown.type = made_type(intern, stack, size);
    }
    uint32_t memory = intern_memory_type(intern, stack->call);
    uint32_t type = stack->type ? stack->type : memory ? memory : stack->shown.type;
    if (!type || stack->shown.typed)
        return;
    stack->shown.typed = true;
    if (stack->type)
        write_layout(intern, stack->type);
    intern_error(intern,
                 store_stack_type(intern->store, node, ((const char *const *)intern->types.memory)[type],
                                  stack->type ? STORE_TYPE_EXACT
                                  : memory    ? STORE_TYPE_SAMPLED
                                              : STORE_TYPE_INFERRED));
}
