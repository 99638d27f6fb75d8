/* object_types.h - what a stack ends in, and what is known of the types of a process's Python objects. */
#ifndef LIBTRACE_OBJECT_TYPES_H
#define LIBTRACE_OBJECT_TYPES_H

#include "python_keys.h"
#include "python_memory.h"
#include "python_values.h"
#include "track.h"

/* A type of a process. */
struct object_type {
    bool described;
    struct python_owner owner; /* what its objects have */
    struct python_value value; /* and what of them is their value */
    struct python_keys keys;   /* what they share */
    uint32_t keys_walk;        /* in which that was last looked at; 0 = not yet */
    uint32_t picked;           /* objects, since one had memory of a call that was not known */
};

/* What a site's stack ends in: native code, where objects of C++ may be; a type of Python's; a call that asks for memory. */
struct arena_frame object_types_end(const struct tracked_process *process, const struct site *site);

/* What is known of a type, until more are; NULL = it is not described. */
struct object_type *object_types_find(struct tracked_process *process, uint32_t number);

#endif
