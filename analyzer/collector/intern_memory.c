/* intern_memory.c - what the memory of Python's objects is: a list's items, a dict's keys ...
 *
 * A call in the interpreter asks for memory for one purpose, whatever Python code runs. So all its blocks are what those
 * few are that objects were seen to have (object_looks.h). A call whose blocks were seen to be of different kinds says
 * nothing: there another function stands between the interpreter and us, which asks for all of them.
 */
#include "intern_private.h"
#include "object_shares.h"
#include "shortage.h"

#include <stdlib.h>

/* A call of the run. */
struct memory_call {
    struct object_shares shares; /* looks at its blocks */
    uint32_t type;               /* that was written; 0 = none yet */
    bool changed;                /* since then */
};

static struct memory_call *call_of(struct intern *intern, uint32_t number)
{
    return GROW_AT(&intern->calls, struct memory_call, number);
}

uint32_t intern_call_node(struct intern *intern, const struct run_frame *place, uint32_t stack)
{
    struct number_entry *entry = number_map_find(
        &intern->call_numbers, (uint64_t)place->module << 48 | (place->offset & WIRE_ADDRESS_MASK));
    if (!entry || (!entry->number && !call_of(intern, intern->call_count + 1)))
        return stack;
    if (!entry->number)
        entry->number = ++intern->call_count;
    uint32_t call = entry->number, node = intern_part_node(intern, stack, call | INTERN_CALL);
    if (!node)
        return stack;
    ((struct run_node *)intern->nodes.memory)[node].call = call;
    return node;
}

uint32_t intern_memory_type(struct intern *intern, uint32_t call)
{
    return call ? call_of(intern, call)->type : 0;
}

void intern_memory_look(struct intern *intern, uint32_t node, const char *what)
{
    uint32_t number = node != WIRE_NODE_ROOT ? ((const struct run_node *)intern->nodes.memory)[node].call : 0;
    struct memory_call *call = number ? call_of(intern, number) : NULL;
    if (!call)
        return;
    object_shares_add(&call->shares, intern_type_number(intern, what));
    call->changed = true;
}

#define NEARLY_ALL(seen, looks) \
    ((seen)*10ull >= (looks)*9ull) /* a look may have met a block that was another's */

static uint32_t decide(const struct object_shares *shares)
{
    for (unsigned i = 0; i < shares->count; i++)
        if (NEARLY_ALL(shares->share[i].seen, shares->looks))
            return shares->share[i].type;
    return 0;
}

/* Writes the types of the stacks whose blocks were typed before, or not at all. */
static void write_call(struct intern *intern, uint32_t number, uint32_t type)
{
    struct run_node *nodes = intern->nodes.memory;
    for (uint32_t node = 1; node <= intern->node_count && !intern->error; node++) {
        if (nodes[node].call != number)
            continue;
        nodes[node].shown.typed = true;
        intern_error(intern,
                     store_stack_type(intern->store, node, ((const char *const *)intern->types.memory)[type],
                                      STORE_TYPE_SAMPLED));
    }
}

void intern_write_memory(struct intern *intern)
{
    for (uint32_t number = 1; number <= intern->call_count && !intern->error; number++) {
        struct memory_call *call = call_of(intern, number);
        uint32_t type = call->changed ? decide(&call->shares) : 0;
        call->changed = false;
        if (!type || type == call->type)
            continue;
        call->type = type;
        write_call(intern, number, type);
    }
}
