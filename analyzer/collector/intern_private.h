/* intern_private.h - what the files of intern.h share. */
#ifndef LIBTRACE_INTERN_PRIVATE_H
#define LIBTRACE_INTERN_PRIVATE_H

#include "intern.h"

#include <uthash.h>

#define INLINES_MAX 32  /* source-level frames that one physical frame may stand for */
#define DEPTH_MAX 16384 /* deeper than any stack is recorded */

/* A line of the run. */
struct line_entry {
    struct line_key {
        const char *file, *function; /* interned, so equal texts are the same pointer */
        uint32_t line, module;
    } key;
    uint32_t number;
    uint32_t type; /* of the blocks that this function of a library allocates; 0 = its name does not say */
    bool library_code;
    UT_hash_handle hh;
};

/* A module of a process. */
struct process_module {
    uint32_t number; /* in the run; 0 = none */
    bool described;  /* there was a note about it */
    bool ours;       /* libtrace.so */
    uint64_t bias;
    uint64_t start, end; /* addresses */
};

/* ---- intern.c ---- */

/* Keeps the first error of the store. */
void intern_error(struct intern *intern, int error);

/* Translates a process's frame to the run's numbers; false if that is not possible (yet). */
bool intern_place(const struct intern_process *process, const struct arena_frame *frame,
                  struct run_frame *place);

/* True for frames of libtrace.so, such as operator new, which replaces the program's. */
bool intern_is_ours(const struct intern_process *process, const struct arena_frame *frame);

/* ---- intern_notes.c ---- */

/* Frees what was described. */
void intern_notes_close(struct intern_process *process);

/* ---- intern_types.c ---- */

/* The number of the type that a library's function allocates; 0 = its name does not say. */
uint32_t intern_type_of(struct intern *intern, const char *function);

/* The number of a type. */
uint32_t intern_type_number(struct intern *intern, const char *name);

/* A type that the process has described gets a number in the run. */
void intern_take_type(struct intern *intern, struct intern_process *process,
                      const struct wire_note_object_type *note);

/* The node for those of a stack's blocks that have this in common: a type, or INTERN_CALL | a call, all of them numbers of
 * the run; 0 if out of memory. */
uint32_t intern_part_node(struct intern *intern, uint32_t stack, uint32_t common);
#define INTERN_CALL (1u << 31)

/* The same for a type, which is that of its blocks. */
uint32_t intern_typed_node(struct intern *intern, uint32_t stack, uint32_t type);

/* The type of blocks if an inner frame says `inner` and one further out says `outer`; 0 = says nothing. */
uint32_t intern_type_of_both(const struct intern *intern, uint32_t inner, uint32_t outer);

/* Frees what is known of types, but not their names. */
void intern_types_close(struct intern *intern);

/* ---- intern_memory.c ---- */

/* The node for memory that a call, at this place, has asked for on this stack; the stack's own if out of memory. */
uint32_t intern_call_node(struct intern *intern, const struct run_frame *place, uint32_t stack);

/* What memory that a call asks for is, as a type; 0 = not known. */
uint32_t intern_memory_type(struct intern *intern, uint32_t call);

/* ---- intern_objects.c ---- */

void intern_objects_close(struct intern *intern);

/* ---- intern_lines.c ---- */

/* The same pointer for equal texts; valid until the end of the run. "" if out of memory. */
const char *intern_text(struct intern *intern, const char *text);

/* The line of a frame with interned texts; written if it is new. NULL if out of memory. */
const struct line_entry *intern_line(struct intern *intern, const struct symbols_frame *frame,
                                     uint32_t module, bool python);

/* The lines at a return address (an offset in the module), innermost first; their texts are interned. */
size_t intern_resolve(struct intern *intern, struct run_module *module, uint64_t offset,
                      struct symbols_frame frames[INLINES_MAX]);

/* Frees the lines and texts. */
void intern_lines_close(struct intern *intern);

#endif
