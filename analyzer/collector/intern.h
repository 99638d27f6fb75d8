/* intern.h - translates each process's own numbers to numbers of the run: modules, lines, frames, stacks.
 *
 *   intern.c        frames and stacks            intern_notes.c   modules, Python code, marks, names of processes
 *   intern_lines.c  lines, and looking them up   attribution.c    the line that an allocation counts for
 *   intern_types.c  types of blocks, and stacks by type
 *   intern_objects.c, intern_memory.c  the same, by looks at blocks
 *
 * Reads the notes, frames and nodes that a process wrote into the arena, and writes what is new to the
 * database. So processes of the same program share their stacks. Used by the writer's thread only.
 */
#ifndef LIBTRACE_INTERN_H
#define LIBTRACE_INTERN_H

#include "arena_reader.h"
#include "files.h"
#include "grow.h"
#include "note_reader.h"
#include "number_map.h"
#include "object_looks.h"
#include "store.h"
#include "symbols.h"

#include <stdbool.h>

/* A module of the run. */
struct run_module {
    char *path;
    struct symbols_module *symbols; /* NULL = none */
    struct known_symbols *known;    /* what earlier runs know of it; NULL = nothing, or not read yet */
    uint8_t build_id[64];
    size_t build_id_size;
    uint32_t file; /* its file's number, see files.h; 0 = none */
    bool held;     /* its symbols have the file's descriptor */
    bool needed;   /* some frame is in it */
    bool read;     /* its symbols were read, as earlier runs do not know all its frames */
    bool state_written;
};

/* A Python code object; kept until the end of the run. */
struct process_code {
    const char *file, *name; /* interned */
    int32_t first_line;
    uint32_t version;
    uint8_t *table; /* our own copy */
    uint32_t table_size;
    uint32_t number; /* in the run */
};

/* The lines that a frame or a stack shows, as numbers; 0 = none. See attribution.h. */
struct attribution {
    uint32_t source;    /* innermost line with source that is not an allocator's */
    uint32_t program;   /* innermost line that is not an allocator's */
    uint32_t innermost; /* never 0 once it was looked up */
    uint32_t type : 28; /* of its blocks, see intern_types.c; 0 = not known */
    bool python : 1;    /* source is a Python line */
    bool typed : 1;     /* of stacks: its type was written */
    bool in_new : 1;    /* the innermost function is operator new, for one object */
    bool asked : 1;     /* of stacks: its type was looked for in debug information */
};

/* A frame of the run. */
struct run_frame {
    const struct process_code *code; /* Python; NULL = native */
    uint64_t offset;                 /* in the module; for Python: of the instruction */
    uint32_t module;                 /* 0 = none */
    struct attribution shown;
};

/* A stack of the run, or those of its blocks that are of one type: each has a node of its own, with the same parent
 * and frame. */
struct run_node {
    uint32_t parent, frame;
    uint32_t call; /* in the interpreter that has asked for its blocks, see intern_memory.c; 0 = none */
    uint32_t type; /* that all blocks have, as the program said so; 0 = not known */
    struct attribution shown;
};

/* How far the notes, frames and nodes of a process were read. */
struct intern_process {
    struct arena_slot *slot;
    uint32_t index; /* of the process in the run */
    struct arena_notes notes;
    struct grow modules; /* struct process_module, by the process's number */
    struct grow codes;   /* struct process_code * of the run, by the process's number */
    struct grow types;   /* uint32_t: the run's type, by the process's number */
    struct grow frames;  /* uint32_t: the run's frame, by the process's */
    struct grow nodes;   /* uint32_t: the run's node, by the process's */
    struct grow marks;   /* struct process_mark, by number */
    struct grow used;    /* a bit for each node of the run: the process uses it */
    uint32_t mark_count; /* the highest number */
    bool merged;         /* nodes of it became one: a module was loaded at two addresses */
    uint32_t looked;     /* frames whose modules' symbols are ready */
    char *executable, *command, *label;
};

/* What a process says of a type of Python objects. */
struct type_layout {
    int64_t basic_size, item_size;
    uint32_t made; /* run's node of the stack that made it; 0 = not known */
    bool has_dict, at_run_time;
    bool waits;    /* to be written with the first stack that has such objects */
    uint32_t keys; /* the most names that instances were seen to share, and 1; 0 = not seen */
};

struct line_entry;
struct type_entry;
struct text_entry;
struct class_entry;
struct type_bases;
struct object_stack;

/* What relative paths of modules are relative to: the program's directory when the collector was started. */
extern char intern_directory[];

struct intern {
    struct store *store;
    struct symbols *symbols;
    struct files *files; /* NULL: module files are found by path only */
    struct grow modules; /* struct run_module, by the run's number */
    uint32_t module_count, line_count, frame_count, node_count, code_count, type_count;
    struct grow types;               /* const char *: interned names of types, by number */
    struct grow layouts;             /* struct type_layout of those that a process has described */
    struct type_entry *type_numbers; /* uthash: their numbers */
    struct line_entry *lines;        /* uthash */
    struct text_entry *texts;        /* uthash: interned strings that symbols.h does not own */
    struct number_map frame_numbers, node_numbers;
    struct number_map typed_numbers; /* nodes by stack << 32 | what intern_part_node() was asked for */
    struct number_map call_numbers;  /* by module << 48 | offset */
    struct grow calls;               /* struct memory_call, by the run's number */
    uint32_t call_count;
    struct class_entry *classes;        /* uthash: the types of classes that were met */
    struct type_bases *type_bases;      /* uthash */
    struct object_stack *object_stacks; /* uthash: what looks at blocks have seen, by node */
    struct grow frames;                 /* struct run_frame by the run's number */
    struct grow nodes;                  /* struct run_node by the run's number */
    uint32_t nodes_written;
    int error;         /* the store's first error */
    unsigned patience; /* how often we may still wait for something that is not described yet */
    uint64_t unplaced; /* frames whose description never came */
    bool translates;   /* intern_node() is at work: it cannot be called again meanwhile */
};

bool intern_open(struct intern *intern, struct store *store);
void intern_close(struct intern *intern);

/* Only finds out the process's name. */
void intern_identity(struct intern_process *process);

/* Reads the notes that were written since the last call. */
void intern_notes(struct intern *intern, struct intern_process *process);

/* The run's number for a process's stack, 0 = no stack. Writes frames that are new, without looking up
 * symbols. */
uint32_t intern_node(struct intern *intern, struct intern_process *process, uint32_t raw);

/* Writes the stacks that are new since the last call. */
void intern_write_nodes(struct intern *intern);

/* Writes the type of a stack's blocks if it is known, and was not written before. size: of each of them; 0 = they have
 * several. */
void intern_write_type(struct intern *intern, uint32_t node, uint64_t size);

/* Looks up the name of a class that was met in a process; it may read symbols, so it is done while no transaction is
 * open. */
void intern_object_class(struct intern *intern, const struct intern_process *process,
                         const struct object_class *class);

/* A block of a stack was looked at: it was an object of that class, or none (NULL). */
void intern_object_look(struct intern *intern, uint32_t node, const struct object_class *class);

/* Writes what such looks say of stacks. */
void intern_write_objects(struct intern *intern);

/* A block of a stack was seen to be such memory of an object of Python. */
void intern_memory_look(struct intern *intern, uint32_t node, const char *what);

/* A block of a stack was seen to share so many attributes' names with others of its type. Writes that, if it is the most. */
void intern_keys_look(struct intern *intern, uint32_t node, uint32_t keys);

/* Writes what such looks say of stacks. */
void intern_write_memory(struct intern *intern);

/* True if intern_symbols() has something to look at. */
bool intern_has_new_frames(const struct intern_process *process);

/* Prepares the symbols that the process's frames will need. That takes long, so it is done while no
 * transaction is open, for which others would have to wait. */
void intern_symbols(struct intern *intern, struct intern_process *process);

/* A mark's name; NULL = not there (yet). */
const char *intern_mark(const struct intern_process *process, uint32_t number, int *kind);

/* Writes what was found for each module's file. */
void intern_finish(struct intern *intern);

void intern_process_close(struct intern_process *process);

#endif
