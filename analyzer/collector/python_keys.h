/* python_keys.h - how many attributes' names the instances of a class of CPython's share.
 *
 * Instances keep their attributes in an array of values beside the class's own table of names (PEP 412). That table is
 * empty when a class is made, and grows with the instances: so it cannot be told when a type is, and is read while there
 * are instances.
 *
 *     instance             class                      table of names
 *     +------+ word        +--------------+           +-----------------+
 *     | type |-----------> | sizes, name  |           | kind            |
 *     +------+             | keys         |---------> | number of names |
 *                          +--------------+           +-----------------+
 *
 * All of it is read from another process, and nothing of it is believed: what is read as a class must have the sizes and
 * the name that the process has told of the type, and the instance must still point to it afterwards.
 *
 * The table is that of CPython 3.8 to 3.15 for x86-64, and was tried with each.
 */
#ifndef LIBTRACE_PYTHON_KEYS_H
#define LIBTRACE_PYTHON_KEYS_H

#include "wire.h"

#include <stdbool.h>
#include <stddef.h>

/* A class, as far as it must be known again. */
struct python_keys {
    uint16_t at;   /* where the address of the table is in it; 0 = its instances share nothing */
    uint16_t word; /* where the address of the class is in an instance's block */
    bool has_kind; /* the table says of what kind it is: since 3.11 */
    uint32_t name_size;
    uint64_t name_hash;
    int64_t basic_size, item_size, dict_offset;
};

struct python_keys python_keys(const struct wire_note_object_type *type);

/* Copies bytes of the process, all or none; false if they are not there. */
typedef bool python_read(void *data, uint64_t address, void *to, size_t size);

/* Of the class of the instance in this block; -1 = not known. Reads so often at most: */
#define PYTHON_KEYS_READS 5
int64_t python_keys_read(const struct python_keys *keys, uint64_t block, python_read *read, void *data);

#endif
