/* symbols.h - from (module, offset) to functions, files and lines.
 *
 * Sources, best first: DWARF in the file itself, in a separate file found by build ID or .gnu_debuglink,
 * symbol tables (.symtab, .gnu_debugdata, .dynsym), nothing. A file whose build ID is not the one that
 * was recorded is never used.
 *
 * Not thread-safe: one thread owns a struct symbols and all that it returned.
 */
#ifndef LIBTRACE_SYMBOLS_H
#define LIBTRACE_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct symbols;
struct symbols_module;

/* What became of a module's file; stored in the database and told to the user. */
enum symbols_state {
    SYMBOLS_LINES = 0,    /* DWARF lines */
    SYMBOLS_NAMES = 1,    /* symbol table only */
    SYMBOLS_NONE = 2,     /* file found, no names in it */
    SYMBOLS_MISSING = 3,  /* file not found or not readable */
    SYMBOLS_REPLACED = 4, /* another build ID than recorded, and no debug file for the recorded one */
    SYMBOLS_GONE = 5,     /* removed before anybody could open it, and no debug file for its build ID */
};

/* One source-level frame. Strings belong to the struct symbols and live as long as it does; equal
 * strings are the same pointer. */
struct symbols_frame {
    const char *function; /* demangled, without parameters of C++ templates cut; NULL = not known */
    const char *file;     /* absolute where DWARF says so; NULL = not known */
    uint32_t line;        /* 0 = not known */
};

/* From now on asks this before debug information takes memory, so many bytes of it: 0 = they are not to be
 * had. Then functions have the names from symbol tables only. NULL = they always are. */
void symbols_limit(int (*fits)(uint64_t bytes));

/* NULL and errno on lack of memory. */
struct symbols *symbols_open(void);
void symbols_close(struct symbols *s);

/* Makes a module known. Nothing is read before the first look-up. path: as recorded; build_id may be
 * empty (then path is trusted). Never fails but for lack of memory (NULL). */
struct symbols_module *symbols_module(struct symbols *s, const char *path, const uint8_t *build_id,
                                      size_t build_id_size);

/* The file itself, open for reading, which the module closes: what its path leads to is not looked at. Before
 * the first look-up. */
void symbols_module_file(struct symbols_module *m, int file);

/* What its path leads to is not the file, which is SYMBOLS_REPLACED or SYMBOLS_GONE: only a debug file may be
 * used. Before the first look-up; symbols_module_file() may follow. */
void symbols_module_lost(struct symbols_module *m, enum symbols_state why);

/* Reads the module if that has not happened yet. */
enum symbols_state symbols_module_state(struct symbols_module *m);

/* Frames at a file-relative address (address in the process minus bias), innermost (most inlined)
 * first. For a return address pass address - 1. Writes at most max (>= 1) frames and returns how many:
 * at least 1; where nothing is known, one frame of NULLs. Inlined callers beyond max are left out. */
size_t symbols_resolve(struct symbols_module *m, uint64_t address, struct symbols_frame *frames, size_t max);

/* True if the function is part of an allocator or of what a language has around it (malloc, calloc,
 * operator new, std::allocator::allocate, g_malloc, xmalloc-like wrappers are NOT), or the file is a
 * header of a C++ or Rust standard library: such a frame is never the line that an allocation counts for
 * while an outer frame has source information. */
int symbols_is_library_code(const struct symbols_frame *frame);

/* Demangles a C++ (Itanium) or Rust (legacy and v0) name; returns a malloc'ed string, NULL if it is none. */
char *symbols_demangle(const char *name);

#endif
