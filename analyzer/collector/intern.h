/* intern.h - raw numbers of each process to numbers of the run: modules, lines, frames, stacks.
 *
 *   intern.c        frames and stacks          intern_notes.c   modules, Python code, marks, names of processes
 *   intern_lines.c  lines, and their look-up   attribution.c    the line that an allocation counts for
 *
 * Reads the notes, frames and nodes that a process wrote into the arena, and writes what is new to the
 * database. Processes of one program share their stacks that way. Used by the writer's thread alone.
 */
#ifndef LIBTRACE_INTERN_H
#define LIBTRACE_INTERN_H

#include "arena_reader.h"
#include "files.h"
#include "grow.h"
#include "note_reader.h"
#include "number_map.h"
#include "store.h"
#include "symbols.h"

#include <stdbool.h>

/* A module of the run. */
struct run_module {
    char *path;
    struct symbols_module *symbols; /* NULL: nothing to be found */
    struct known_symbols *known; /* what earlier runs know of its frames; NULL = nothing, or not asked yet */
    uint8_t build_id[64];
    size_t build_id_size;
    uint32_t file; /* its number, see files.h; 0 = none */
    bool held;     /* its symbols have the file itself */
    bool needed;   /* there are frames in it */
    bool read;     /* its symbols were, as earlier runs do not know all frames */
    bool state_written;
};

/* A Python code object; lives as long as the run. */
struct process_code {
    const char *file, *name; /* interned */
    int32_t first_line;
    uint32_t version;
    uint8_t *table; /* own copy */
    uint32_t table_size;
    uint32_t number; /* in the run */
};

/* What a frame or a stack shows: numbers of lines, 0 = none; see attribution.h. */
struct attribution {
    uint32_t source;    /* innermost line with source that is not an allocator's */
    uint32_t program;   /* innermost line that is not an allocator's */
    uint32_t innermost; /* always there once it was looked up */
    bool python;        /* source is a line of Python code */
};

/* A frame of the run. */
struct run_frame {
    const struct process_code *code; /* Python; NULL = native */
    uint64_t offset;                 /* in the module, or of the instruction */
    uint32_t module;                 /* 0 = none */
    struct attribution shown;
};

/* A stack of the run. */
struct run_node {
    uint32_t parent, frame;
    struct attribution shown;
};

/* How far the notes, frames and nodes of a process were taken in. */
struct intern_process {
    struct arena_slot *slot;
    uint32_t index; /* of the process in the run */
    struct arena_notes notes;
    struct grow modules; /* struct process_module by the process's number */
    struct grow codes;   /* struct process_code *, the run's, by number */
    struct grow frames;  /* uint32_t: run's frame by the process's */
    struct grow nodes;   /* uint32_t: run's node by the process's */
    struct grow marks;   /* struct process_mark by number */
    struct grow used;    /* a bit for each node of the run: it is one of the process's */
    uint32_t mark_count; /* the highest number */
    bool merged;         /* several nodes of the process became one: a module was loaded at another address */
    uint32_t looked;     /* frames whose modules' symbols are at hand */
    char *executable, *command, *label;
};

struct line_entry;
struct text_entry;

/* Where relative paths of modules begin: the program's directory when the collector was started. */
extern char intern_directory[];

struct intern {
    struct store *store;
    struct symbols *symbols;
    struct files *files; /* NULL: modules are known by their paths alone */
    struct grow modules; /* struct run_module, by the run's number */
    uint32_t module_count, line_count, frame_count, node_count, code_count;
    struct line_entry *lines; /* uthash */
    struct text_entry *texts; /* uthash: interned strings that symbols does not own */
    struct number_map frame_numbers, node_numbers;
    struct grow frames; /* struct run_frame by the run's number */
    struct grow nodes;  /* struct run_node by the run's number */
    uint32_t nodes_written;
    int error;         /* of the store, the first */
    unsigned patience; /* how often what is not described yet may still be waited for */
    uint64_t unplaced; /* frames whose description never came */
};

bool intern_open(struct intern *intern, struct store *store);
void intern_close(struct intern *intern);

/* Finds out what the process is called, and nothing else. */
void intern_identity(struct intern_process *process);

/* Reads the notes that came since the last call. */
void intern_notes(struct intern *intern, struct intern_process *process);

/* The run's number of a process's stack, 0 = no stack; frames that are new are written, without looking at
 * symbols. */
uint32_t intern_node(struct intern *intern, struct intern_process *process, uint32_t raw);

/* Writes the stacks that are new since the last call. */
void intern_write_nodes(struct intern *intern);

/* Makes the symbols ready that the process's frames will need: what takes long, so that nobody else waits for
 * the database meanwhile. */
void intern_symbols(struct intern *intern, struct intern_process *process);

/* Name of a mark, NULL if it is not there (yet). */
const char *intern_mark(const struct intern_process *process, uint32_t number, int *kind);

/* Writes what became of each module's file. */
void intern_finish(struct intern *intern);

void intern_process_close(struct intern_process *process);

#endif
