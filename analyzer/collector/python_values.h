/* python_values.h - what of an object of CPython's is its value: so that equal ones are found among blocks.
 *
 * Only of types whose objects nobody can change: str, bytes, tuple, float, int. Left out are headers of the garbage collector, the count
 * of references, the hash, which is there once somebody has asked for it, whether a text is interned, and bytes between
 * members, which nobody writes to. With the size of the block, and the length that the object says, the rest decides:
 * objects that it is equal of have equal values. The other way round is not so: of a tuple it is the addresses of its items, and
 * some texts have their UTF-8 beside themselves.
 *
 * The places are those of CPython for x86-64: tried from 3.8 to 3.13, not yet with 3.14 and 3.15.
 */
#ifndef LIBTRACE_PYTHON_VALUES_H
#define LIBTRACE_PYTHON_VALUES_H

#include "wire.h"

#include <stdbool.h>
#include <stddef.h>

#define PYTHON_LEFT_OUT 2

struct python_value {
    struct {
        uint8_t at, size; /* bytes of a block */
    } left_out[PYTHON_LEFT_OUT];
    bool known; /* equal blocks have equal values */
};

struct python_value python_value(const struct wire_note_object_type *type);

/* Makes zeroes of what is no part of it. False if that is no object any more, or not yet: Python keeps some tuples'
 * memory for the next ones. */
bool python_value_only(const struct python_value *value, unsigned char *block, size_t size);

#endif
