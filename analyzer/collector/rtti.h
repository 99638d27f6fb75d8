/* rtti.h - the class of an object of C++, from the type information that its vtable points to (Itanium C++ ABI).
 *
 *            object               vtable                 type_info                     text
 *          +---------+         | offset to top |       +-------------+
 *          | word 0  |--+      | type_info  ---|-----> | its vtable  |    +------> "6Circle"
 *          |  ...    |  +----> | functions ... |       | name     ---|----+
 *          +---------+         +---------------+       | base(s)  ---|----> type_info of "5Shape"
 *                                                      +-------------+
 *
 * All of it is read from another process, and nothing of it is believed unchecked. What is at the place of a
 * type_info is one only if its own vtable leads, in the same way, to the name of one of the three classes of
 * type_infos that the ABI has. That is so in stripped files, too; not where a program was built with -fno-rtti.
 *
 * The offset to top must be 0: else the word belongs to a base that does not begin where the object does.
 */
#ifndef LIBTRACE_RTTI_H
#define LIBTRACE_RTTI_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Copies bytes of the process, all or none; false if they are not there, or not in a module. */
typedef bool rtti_read(void *data, uint64_t address, void *to, size_t size);

enum rtti_result {
    RTTI_NO,      /* there is no vtable */
    RTTI_UNNAMED, /* it may be a vtable without type information */
    RTTI_CLASS,
};

#define RTTI_ROOM 2048 /* for all names; a name that does not fit is none */

/* A class and what it is derived from, directly or not. */
struct rtti {
    size_t size;           /* bytes used of names */
    char names[RTTI_ROOM]; /* as the compiler writes types, each with its NUL; the class itself is first */
};

/* What the word that a block begins with points to. */
enum rtti_result rtti_look(rtti_read *read, void *data, uint64_t vtable, struct rtti *rtti);

#endif
