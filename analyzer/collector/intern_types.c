/* intern_types.c - types of blocks: each name has a number in the run, and stacks' types are written once. */
#include "block_types.h"
#include "intern_private.h"
#include "shortage.h"

#include <stdlib.h>

struct type_entry {
    const char *name; /* interned, so equal names are the same pointer */
    uint32_t number;
    UT_hash_handle hh;
};

static uint32_t number_of(struct intern *intern, const char *name)
{
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
}

uint32_t intern_type_of(struct intern *intern, const char *function)
{
    char *type = block_type(function);
    uint32_t number = type ? number_of(intern, intern_text(intern, type)) : 0;
    free(type);
    return number;
}

uint32_t intern_type_of_both(const struct intern *intern, uint32_t inner, uint32_t outer)
{
    const char *const *names = intern->types.memory;
    if (!inner || !outer)
        return inner ? inner : outer;
    return block_type_is_part(names[inner], names[outer]) ? outer : inner;
}

void intern_write_type(struct intern *intern, uint32_t node)
{
    if (node == WIRE_NODE_ROOT || node == WIRE_NODE_CUT)
        return;
    struct attribution *shown = &((struct run_node *)intern->nodes.memory)[node].shown;
    if (!shown->type || shown->typed)
        return;
    shown->typed = true;
    const char *type = ((const char *const *)intern->types.memory)[shown->type];
    intern_error(intern, store_stack_type(intern->store, node, type, STORE_TYPE_INFERRED));
}
