/* python_memory.c - see python_memory.h. */
#include "python_memory.h"

#include <string.h>

#define MANAGED_HEADERS 32u /* before objects whose attributes may be memory of their own */

static const struct python_place places[] = {
    {NULL, 0, true, "instance values"}, /* 3.11 */
    {NULL, 8, true, "instance values"}, /* 3.12 */
    {"list", 24, false, "list items"},
    {"dict", 32, false, "dict keys"},
    {"dict", 40, false, "instance values"}, /* up to 3.10 */
    {"collections.defaultdict", 32, false, "dict keys"},
    {"collections.OrderedDict", 32, false, "dict keys"},
    {"collections.OrderedDict", 48, false, "OrderedDict nodes"},
    {"collections.OrderedDict", 80, false, "OrderedDict nodes"},
    {"set", 40, false, "set table"},
    {"frozenset", 40, false, "set table"},
    {"bytearray", 32, false, "bytearray buffer"},
    {"array.array", 24, false, "array items"},
    {"collections.deque", 24, false, "deque items"},
};
#define PLACES (sizeof places / sizeof *places)

/* Names are "module.name", in either of the two texts or in both. */
bool python_type_is(const struct wire_note_object_type *type, const char *name)
{
    const char *module = type->text, *own = type->text + type->module_size;
    size_t size = strlen(module);
    if (size == 0 || strcmp(module, "builtins") == 0)
        return strcmp(own, name) == 0;
    return strncmp(name, module, size) == 0 && name[size] == '.' && strcmp(name + size + 1, own) == 0;
}

struct python_owner python_owner(const struct wire_note_object_type *type)
{
    struct python_owner owner = {places, 0, type->headers};
    for (const struct python_place *at = places; at < places + PLACES; at++) {
        if (!at->type ? type->headers < MANAGED_HEADERS : !python_type_is(type, at->type))
            continue;
        if (owner.count++ == 0)
            owner.places = at;
    }
    if (owner.count && !owner.places->type) { /* no type of the above has both */
        owner.headers = 0;
        owner.count = 2;
    }
    return owner;
}

uint32_t python_owner_size(const struct python_owner *owner)
{
    uint32_t end = 0;
    for (uint32_t i = 0; i < owner->count; i++)
        end = owner->places[i].at + 8u > end ? owner->places[i].at + 8u : end;
    return owner->headers + end;
}
