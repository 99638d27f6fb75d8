/* line_table.h - a unit's line table: which file and line the code at an address comes from.
 *
 * It is read here, not by libdw, which sorts the rows of all sequences together. Code that the linker dropped
 * (-Wl,--gc-sections, templates compiled twice) leaves sequences that begin at address 0 and may reach into real
 * code; their rows must not be mixed with those of the code that is really there.
 */
#ifndef LIBTRACE_SYMBOLS_LINE_TABLE_H
#define LIBTRACE_SYMBOLS_LINE_TABLE_H

#include "elf_image.h"
#include "intervals.h"
#include "interned.h"

#include <elfutils/libdw.h>

struct line_file {
    const char *name;   /* in the file's sections */
    const char *path;   /* interned, joined with its directories on first use */
    uint64_t directory; /* index */
};

/* It is valid up to the next row of its sequence. */
struct line_row {
    uint64_t address; /* of the debug file */
    uint32_t line;    /* 0 = no line */
    uint32_t file;    /* index as in the line program; before version 5, the first one is 1 */
};

struct line_sequence {
    size_t first, count; /* rows, sorted by address; of those with equal addresses only the last is kept */
};

struct line_table {
    const char *compiled_in;  /* DW_AT_comp_dir, may be NULL */
    const char **directories; /* in the file's sections; index as in the program; NULL = compiled_in */
    size_t directory_count;
    struct line_file *files; /* index as in the program */
    size_t file_count;
    struct line_row *rows; /* of all sequences that are code, in the program's order */
    size_t row_count, row_capacity;
    struct line_sequence *sequences;
    size_t sequence_count, sequence_capacity;
    struct intervals by_address; /* ids are indices into sequences */
};

/* Reads the table at an offset of .debug_line (.debug_line.dwo if is_split). table: must be all zero. What
 * cannot be read is left out: a broken header leaves nothing, a broken line program its first sequences.
 * The file must outlive the table. image and bias tell real code from dropped code, see dwarf_units.c. */
void lines_read(struct line_table *table, Elf *elf, int is_split, uint64_t offset, const char *compiled_in,
                const struct image *image, uint64_t bias);
void lines_free(struct line_table *table);

/* The row of an address, or NULL. */
const struct line_row *lines_find(const struct line_table *table, uint64_t address);

/* A file's path, joined with its directories, or NULL. */
const char *lines_path(struct line_table *table, struct strings *strings, uint64_t file);

#endif
