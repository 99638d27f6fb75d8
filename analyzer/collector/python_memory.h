/* python_memory.h - where objects of CPython's types have the address of memory beside themselves, and what it is.
 *
 * The places are those of CPython 3.8 to 3.15 for x86-64, in bytes from the begin of the object or, for attributes' values
 * (3.11 and 3.12), of its block. A bytearray of 3.15 has its bytes elsewhere: they have no name. What they say is compared with what programs have in tests/e2e/test_python_memory.py.
 */
#ifndef LIBTRACE_PYTHON_MEMORY_H
#define LIBTRACE_PYTHON_MEMORY_H

#include "wire.h"

#include <stdbool.h>

struct python_place {
    const char *type; /* NULL = any whose attributes may be memory of their own */
    uint8_t at;
    /* The address is one inside of the memory, up to PYTHON_INSIDE bytes from its begin; its low bit may be set. */
    bool inside;
    const char *what;
};
#define PYTHON_INSIDE 32u

/* A type whose objects have memory. */
struct python_owner {
    const struct python_place *places;
    uint32_t count;   /* of its places; 0 = none */
    uint32_t headers; /* bytes before what the places are counted from */
};

/* True if the type has that name: "module.name", without the module for those of builtins. */
bool python_type_is(const struct wire_note_object_type *type, const char *name);

struct python_owner python_owner(const struct wire_note_object_type *type);

/* Bytes of a block of this type that have to be read. */
uint32_t python_owner_size(const struct python_owner *owner);

#endif
