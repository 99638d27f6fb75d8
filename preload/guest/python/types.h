/* types.h - numbers types of Python objects, for the collector.
 *
 * A type is described once, by its name and layout, which its number stands for. Its address leads to the number as
 * long as the type lives: a type that takes the address of another is an object that we see being made
 * (hooks/objects.c), and is forgotten then. Classes that are made again and again keep their number. In a sampled run it
 * may be one that we do not see: there only the interpreter's own types are remembered by address.
 *
 * What is asked about may be anything. So a word is a type only if what it points to is read with the kernel's help,
 * which cannot fault (under a filter of seccomp its page is looked for instead), and has the form of a type, as have
 * its own type and that one's, up to `type`. Neither a name's nor another object's memory is trusted to be there.
 *
 * All functions need the GIL under which `of` is known; what was described is shared by all of them.
 */
#ifndef LIBTRACE_PYTHON_TYPES_H
#define LIBTRACE_PYTHON_TYPES_H

#include "number_cache.h"

#include <stdbool.h>
#include <stdint.h>

/* A type, as far as finding its objects needs it. */
struct types_entry {
    uint32_t frame;     /* of kind WIRE_FRAME_TYPE; 0 = it cannot be described */
    uint32_t word;      /* where the pointer to the type is in an object's block, behind the headers */
    uint64_t least;     /* bytes of a block */
    bool meta : 1;      /* its objects are types */
    bool resizable : 1; /* its objects may be reallocated: str, bytes, tuple and their subclasses */
};

/* Flags of types whose objects have headers before them in their blocks. */
#define TYPES_GC (1ull << 14)     /* what the collector of garbage knows of it */
#define TYPES_MANAGED (3ull << 3) /* 3.11: attributes' values and dict; later: dict and weak references */
#define TYPES_HEADER 16u          /* bytes of each of the two */

INLINE uint32_t types_headers(uint64_t flags)
{
    return (flags & TYPES_GC ? TYPES_HEADER : 0) + (flags & TYPES_MANAGED ? TYPES_HEADER : 0);
}

/* What is known of types by their address, under one GIL. */
#define TYPES_REJECTED_BITS 8
#define TYPES_INCOMPLETE_BITS 8
struct types_known {
    struct table numbers; /* address -> number */
    struct table made;    /* address -> node of the stack that made it */
    /* What turned out to be no type, by address: objects in raw blocks are looked at once only. */
    uintptr_t rejected[1u << TYPES_REJECTED_BITS];
    /* Types of the interpreter's own module that are not complete yet, by address: its memory stays, so that the flag
     * which says when they are can be read as it is. */
    uintptr_t incomplete[1u << TYPES_INCOMPLETE_BITS];
};

/* of: all 0. */
void types_prepare(struct types_known *of);

/* The type at this address; NULL = there is none, as far as can be known. Valid until types_undescribe(). */
const struct types_entry *types_at(struct types_known *of, uintptr_t address);

/* True if a type is there that is not complete yet, as some of the interpreter's own are while it starts. */
bool types_incomplete(struct types_known *of, uintptr_t address);

/* A type was made at this address, by this stack. True if something else was known of it. */
bool types_made(struct types_known *of, uintptr_t address, uint32_t stack);

/* What was remembered by address may be wrong. made: what types_made() was told, too. */
void types_forget(struct types_known *of, bool made);

/* Nothing is described to the collector any more. After types_forget() of all, and no other thread may be here. */
void types_undescribe(void);

#endif
