/* offsets.h - where CPython keeps what a stack is read from, by version.
 *
 *   thread state ---> (cframe --->) top frame --previous--> frame --previous--> ... 0
 *                                        |
 *                                        +--> code object ---> file, name, first line, line table, bytecode
 *                                        +--> instruction (see enum python_instruction)
 */
#ifndef LIBTRACE_PYTHON_OFFSETS_H
#define LIBTRACE_PYTHON_OFFSETS_H

#include <stdbool.h>
#include <stdint.h>

#define PYTHON_VERSION(major, minor) ((uint32_t)(major) << 8 | (minor))

/* How a frame stores its current instruction. */
enum python_instruction {
    PYTHON_BYTES,   /* an int: bytes from the start of the bytecode */
    PYTHON_UNITS,   /* an int: units of two bytes */
    PYTHON_POINTER, /* address in the code object */
};

#define PYTHON_NO_OFFSET 0xffffu

/* Offsets in bytes. PYTHON_NO_OFFSET: this version has no such field. */
struct python_layout {
    uint32_t version;      /* PYTHON_VERSION() */
    uint16_t thread_frame; /* thread state -> top frame, or -> cframe */
    uint16_t cframe_frame; /* cframe -> top frame */
    uint16_t thread_interpreter;
    uint16_t thread_id; /* thread state -> pthread_self() of its thread */
    uint16_t frame_previous;
    uint16_t frame_code;
    uint16_t frame_instruction;
    uint16_t frame_owner;          /* a char, enum python_owner */
    uint16_t frame_is_entry;       /* a bool: the C function that runs it was entered for this frame */
    uint16_t code_file, code_name; /* str; name: the qualified one, if code objects have it */
    uint16_t code_first_line;      /* int */
    uint16_t code_lines;           /* bytes: the line table */
    uint16_t code_bytecode;
    uint16_t code_first_traceable; /* int, in units: a frame before this instruction is still being set up */
    uint16_t string_data;          /* data of an ASCII str */
    uint16_t string_wide_data;     /* data of any other compact str */
    uint16_t type_flags;           /* type object -> tp_flags */
    uint16_t type_qualified_name;  /* of a class, which is a str */
    uint16_t finalizing; /* _PyRuntime -> a pointer: not NULL once the interpreter is shutting down */
    /* From 3.12 on: an interpreter's state -> the address of its GIL, and -> a word of PYTHON_... flags. To be checked, as
     * later releases of a version may have them elsewhere. 0 = not known. */
    uint16_t interpreter_lock, interpreter_flags;
    enum python_instruction instruction;
};

/* What interpreters may, and have in common. The main one has these flags. */
#define PYTHON_MAIN_POOLS (1u << 5) /* its small blocks are in the main interpreter's pools */
#define PYTHON_MAIN_FLAGS (PYTHON_MAIN_POOLS | 1u << 10 | 1u << 11 | 1u << 15 | 1u << 16)
#define PYTHON_ALL_FLAGS (PYTHON_MAIN_FLAGS | 1u << 8)

/* Versions that are asked for the current stack in the same way: hooks that are called all the time have functions for
 * each, so that none of them has to ask which one it is. */
enum python_family { PYTHON_FROM_38, PYTHON_FROM_311, PYTHON_FROM_312, PYTHON_FROM_313, PYTHON_FAMILIES };

static inline enum python_family python_family(const struct python_layout *l)
{
    if (l->instruction != PYTHON_POINTER)
        return PYTHON_FROM_38;
    if (l->cframe_frame == PYTHON_NO_OFFSET)
        return PYTHON_FROM_313;
    return l->version >= PYTHON_VERSION(3, 12) ? PYTHON_FROM_312 : PYTHON_FROM_311;
}

/* True if all interpreters of a process have one GIL, so that its holder's thread state is the current one. */
static inline bool python_has_one_lock(enum python_family family)
{
    return family < PYTHON_FROM_312;
}

static inline bool python_has_cframes(enum python_family family)
{
    return family == PYTHON_FROM_311 || family == PYTHON_FROM_312;
}

/* frame_owner. From PYTHON_OWNER_SHIM on, these are not frames of Python code. */
enum python_owner { PYTHON_OWNER_THREAD = 0, PYTHON_OWNER_GENERATOR = 1, PYTHON_OWNER_SHIM = 3 };

/* Offsets that are the same in every supported version. */
enum {
    PYTHON_OBJECT_TYPE = 8,
    PYTHON_STRING_LENGTH = 16,
    PYTHON_STRING_STATE = 32,
    PYTHON_BYTES_SIZE = 16,
    PYTHON_BYTES_DATA = 32,
};

/* Fills in layout for an interpreter of this version (PY_VERSION_HEX). runtime: &_PyRuntime, where 3.13 and
 * later publish their layout. Returns NULL, or why this interpreter cannot be read. */
const char *python_layout_find(struct python_layout *layout, uint64_t version_hex, const void *runtime);

#endif
