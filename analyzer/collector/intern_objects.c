/* intern_objects.c - what the blocks of stacks are, by looks at some of them (object_looks.h).
 *
 * A class by its vtable is what the block is. What the frames of a stack say may be a class that this one is derived
 * from, and then it is the better answer. It is not where the class is that of a first member, or of a library's
 * counter in front of what it counts: so a class that has nothing to do with what the frames say does not count.
 *
 * If all looks agree, the stack has that type. Else its blocks are divided as the looks are: the first class keeps the
 * stack's node, and each other part has one of its own, with the same frames. To reports they are stacks of their own.
 */
#include "attribution.h"
#include "block_types.h"
#include "intern_private.h"
#include "object_shares.h"
#include "shortage.h"

#include <stdlib.h>
#include <string.h>

#define BASES_MOST 32

/* A class by its names. */
struct class_entry {
    const struct object_class *class;
    uint32_t type; /* 0 = it has no name, or is one under construction */
    bool counts;   /* a look at such a block is one */
    UT_hash_handle hh;
};

/* A type and what it is derived from: for all classes of that name. */
struct type_bases {
    uint32_t type;
    unsigned count;
    uint32_t bases[BASES_MOST];
    UT_hash_handle hh;
};

/* The looks at blocks of a stack. */
struct object_stack {
    uint32_t node;
    bool changed; /* since it was written */
    struct object_shares shares;
    UT_hash_handle hh;
};

/* ---- names -------------------------------------------------------------------------------------- */

/* The module that a process had at an address, the one that was loaded last. */
static const struct process_module *module_at(const struct intern_process *process, uint64_t address)
{
    const struct process_module *modules = process->modules.memory;
    for (size_t i = process->modules.room / sizeof *modules; i-- > 1;)
        if (modules[i].described && modules[i].start <= address && address < modules[i].end)
            return &modules[i];
    return NULL;
}

/* What the symbols of its module say of a vtable, see symbols_class(). They are not read for that alone if there is a
 * name already. */
static const char *by_symbol(struct intern *intern, const struct intern_process *process,
                             const struct object_class *class)
{
    const struct process_module *at = process ? module_at(process, class->vtable) : NULL;
    struct run_module *module =
        at && at->number ? (struct run_module *)intern->modules.memory + at->number : NULL;
    if (!module || !module->symbols || (class->size && !module->read))
        return NULL;
    module->read = true;
    return symbols_class(module->symbols, class->vtable - at->bias);
}

static uint32_t type_of_name(struct intern *intern, const char *name)
{
    char *type = name && *name ? block_type_of_class(name) : NULL;
    uint32_t number = type ? intern_type_number(intern, type) : 0;
    free(type);
    return number;
}

/* Remembers what a class is derived from. */
static void note_bases(struct intern *intern, uint32_t type, const struct object_class *class)
{
    struct type_bases *known;
    HASH_FIND(hh, intern->type_bases, &type, sizeof type, known);
    if (known || !type || !class->size)
        return;
    known = SHORTAGE_UNLESS(calloc(1, sizeof *known));
    if (!known)
        return;
    known->type = type;
    for (const char *name = class->names + strlen(class->names) + 1, *end = class->names + class->size;
         name < end && known->count < BASES_MOST; name += strlen(name) + 1)
        known->bases[known->count++] = type_of_name(intern, symbols_type(intern->symbols, name));
    HASH_ADD(hh, intern->type_bases, type, sizeof known->type, known);
}

static struct class_entry *entry_of(struct intern *intern, const struct object_class *class)
{
    struct class_entry *entry;
    HASH_FIND_PTR(intern->classes, &class, entry);
    return entry;
}

void intern_object_class(struct intern *intern, const struct intern_process *process,
                         const struct object_class *class)
{
    struct class_entry *entry = entry_of(intern, class);
    if (entry || !(entry = SHORTAGE_UNLESS(calloc(1, sizeof *entry))))
        return;
    const char *symbol = by_symbol(intern, process, class);
    const char *name = class->size ? symbols_type(intern->symbols, class->names) : symbol;
    entry->class = class;
    entry->counts = !symbol || *symbol; /* what is under construction is another class a moment later */
    entry->type = entry->counts ? type_of_name(intern, name) : 0;
    HASH_ADD_PTR(intern->classes, class, entry);
    note_bases(intern, entry->type, class);
}

/* ---- stacks ------------------------------------------------------------------------------------- */

void intern_object_look(struct intern *intern, uint32_t node, const struct object_class *class)
{
    const struct class_entry *entry = class ? entry_of(intern, class) : NULL;
    struct object_stack *stack;
    if (node == WIRE_NODE_ROOT || (class && !(entry && entry->counts)))
        return;
    HASH_FIND(hh, intern->object_stacks, &node, sizeof node, stack);
    if (!stack) {
        stack = SHORTAGE_UNLESS(calloc(1, sizeof *stack));
        if (!stack)
            return;
        stack->node = node;
        HASH_ADD(hh, intern->object_stacks, node, sizeof stack->node, stack);
    }
    object_shares_add(&stack->shares, entry ? entry->type : 0);
    stack->changed = true;
}

/* What the frames say, to be compared with classes. */
struct inferred {
    const struct intern *intern;
    uint32_t type; /* 0 = nothing */
};

static bool fits(const void *data, uint32_t type)
{
    const struct inferred *inferred = data;
    struct type_bases *known;
    if (!inferred->type || inferred->type == type)
        return true;
    HASH_FIND(hh, inferred->intern->type_bases, &type, sizeof type, known);
    for (unsigned i = 0; known && i < known->count; i++)
        if (known->bases[i] == inferred->type)
            return true;
    return false;
}

static void write_type(struct intern *intern, uint32_t node, uint32_t type, enum store_type_how how)
{
    if (type)
        intern_error(intern, store_stack_type(intern->store, node,
                                              ((const char *const *)intern->types.memory)[type], how));
}

static void write_stack(struct intern *intern, uint32_t node, const struct object_shares *shares)
{
    struct object_part parts[OBJECT_PARTS];
    struct inferred inferred = {intern, attribution_of(intern, node).type};
    if (((const struct run_node *)intern->nodes.memory)[node].type) /* the program itself has said it */
        return;
    unsigned count = object_shares_divide(shares, fits, &inferred, parts);
    for (unsigned i = 0; i < count && !intern->error; i++) {
        uint32_t rest = parts[i].type ? 0 : inferred.type;
        uint32_t part = i ? intern_typed_node(intern, node, parts[i].type ? parts[i].type : rest) : node;
        if (!part)
            return;
        write_type(intern, part, parts[i].type ? parts[i].type : rest,
                   parts[i].type ? STORE_TYPE_SAMPLED : STORE_TYPE_INFERRED);
        const struct store_stack_part row = {node, part, parts[i].start, parts[i].seen, shares->looks};
        intern_error(intern, store_stack_part(intern->store, &row));
    }
    if (count)
        ((struct run_node *)intern->nodes.memory)[node].shown.typed = true;
}

void intern_write_objects(struct intern *intern)
{
    for (struct object_stack *stack = intern->object_stacks; stack && !intern->error;
         stack = stack->hh.next) {
        if (stack->changed)
            write_stack(intern, stack->node, &stack->shares);
        stack->changed = false;
    }
}

void intern_objects_close(struct intern *intern)
{
    struct class_entry *class, *next_class;
    struct type_bases *bases, *next_bases;
    struct object_stack *stack, *next_stack;
    HASH_ITER(hh, intern->classes, class, next_class)
    {
        HASH_DEL(intern->classes, class);
        free(class);
    }
    HASH_ITER(hh, intern->type_bases, bases, next_bases)
    {
        HASH_DEL(intern->type_bases, bases);
        free(bases);
    }
    HASH_ITER(hh, intern->object_stacks, stack, next_stack)
    {
        HASH_DEL(intern->object_stacks, stack);
        free(stack);
    }
}
