/* constructors.h - the class of an object that a function makes by new, from the constructor that it calls. */
#ifndef LIBTRACE_SYMBOLS_CONSTRUCTORS_H
#define LIBTRACE_SYMBOLS_CONSTRUCTORS_H

#include "interned.h"
#include "line_table.h"

#include <elfutils/libdw.h>

/* What is asked of code, at an address of the debug file. */
struct new_code {
    /* Whether it is the function's own, and not of a call that is inlined in it. */
    int (*is_inside)(const struct new_code *code, uint64_t address);
    /* Copies bytes of it; 0 = they are not there. */
    int (*read)(const struct new_code *code, uint64_t address, void *to, size_t size);
    /* The function that is called before a return address; 0 = not known. */
    int (*called)(const struct new_code *code, uint64_t back, Dwarf_Die *function);
};

/* A call of operator new. */
struct new_call {
    struct line_table *lines;      /* of the unit's code */
    struct line_table *call_files; /* for the files of inlined calls */
    struct strings *strings;
    const char *file; /* of the call, interned */
    uint64_t line;
    uint64_t size; /* of the block */
    uint64_t back; /* the return address, in the debug file */
    const struct new_code *code;
};

/* The type that the call is for, if debug information says so; else the class whose constructor is called on the call's line by the function itself, for the block, and whose objects have
 * the block's size; interned. function: the function or inlined call that calls operator new; outermost: the
 * function that it is inlined in, or the same. NULL = none, or several. */
const char *constructors_find(Dwarf_Die *function, Dwarf_Die *outermost, const struct new_call *call);

#endif
