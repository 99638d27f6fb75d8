/* python_values.c - see python_values.h. */
#include "python_values.h"
#include "python_memory.h"

#include <string.h>

#define REFERENCES 8 /* their count, at an object's begin */
#define HASH 24      /* of texts and bytes, and of tuples that have one: behind references, type and length */
#define HASH_AND_STATE 16 /* of texts: how many bytes a character has follows from length and size */
#define HASHED_TUPLE 32   /* bytes of an empty one, from 3.14 on */
#define HEADERS_MOST 200  /* so that all places are small numbers */

struct python_value python_value(const struct wire_note_object_type *type)
{
    const uint8_t begin = (uint8_t)(type->headers < HEADERS_MOST ? type->headers : 0);
    struct python_value value = {.left_out = {{0, (uint8_t)(begin + REFERENCES)}}, .known = true};
    if (python_type_is(type, "str")) {
        value.left_out[1].at = HASH;
        value.left_out[1].size = HASH_AND_STATE;
    } else if (python_type_is(type, "bytes") ||
               (python_type_is(type, "tuple") && type->basic_size >= HASHED_TUPLE)) {
        value.left_out[1].at = (uint8_t)(begin + HASH);
        value.left_out[1].size = sizeof(uint64_t);
    } else if (!python_type_is(type, "tuple") && !python_type_is(type, "float") &&
               !python_type_is(type, "int")) {
        value.known = false;
    }
    return value;
}

/* What has no references is kept for later; from 3.14 on the address of the next one may be there. References are fewer
 * than 2^32, and what says more of an object from 3.14 on is in the highest two bytes. */
static bool is_referred_to(const struct python_value *value, const unsigned char *block, size_t size)
{
    uint64_t references;
    size_t at = value->left_out[0].size - sizeof references;
    if (size < at + sizeof references)
        return false;
    memcpy(&references, block + at, sizeof references);
    return (uint32_t)references != 0 && (uint16_t)(references >> 32) == 0;
}

bool python_value_only(const struct python_value *value, unsigned char *block, size_t size)
{
    if (!is_referred_to(value, block, size))
        return false;
    for (size_t i = 0; i < PYTHON_LEFT_OUT; i++) {
        size_t at = value->left_out[i].at, end = at + value->left_out[i].size;
        if (at < size)
            memset(block + at, 0, (end < size ? end : size) - at);
    }
    return true;
}
