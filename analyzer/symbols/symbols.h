/* symbols.h - from (module, offset) to functions, files and lines.
 *
 * Sources, best first: DWARF in the file itself, DWARF in a separate file found by build ID or .gnu_debuglink,
 * symbol tables (.symtab, .gnu_debugdata, .dynsym). A file whose build ID differs from the recorded one is never
 * used.
 *
 * Not thread-safe: one thread owns a struct symbols and everything that it returned.
 */
#ifndef LIBTRACE_SYMBOLS_H
#define LIBTRACE_SYMBOLS_H

#include <stddef.h>
#include <stdint.h>

struct symbols;
struct symbols_module;

/* What was found for a module's file; stored in the database and shown to the user. */
enum symbols_state {
    SYMBOLS_LINES = 0,    /* DWARF lines */
    SYMBOLS_NAMES = 1,    /* symbol table only */
    SYMBOLS_NONE = 2,     /* file found, no names in it */
    SYMBOLS_MISSING = 3,  /* file not found or not readable */
    SYMBOLS_REPLACED = 4, /* another build ID than recorded, and no debug file for the recorded one */
    SYMBOLS_GONE = 5,     /* removed before anybody could open it, and no debug file for its build ID */
    SYMBOLS_SHORT = 6,    /* there was not enough memory for all that was looked for in it */
};

/* One source-level frame. The strings live as long as the struct symbols; equal strings are the same
 * pointer. */
struct symbols_frame {
    const char *function; /* demangled, template parameters included; NULL = not known */
    const char *file;     /* absolute if DWARF says so; NULL = not known */
    uint32_t line;        /* 0 = not known */
};

/* Sets a function that is asked before debug information takes that many bytes of memory: 0 = not
 * available, functions get their names from symbol tables only, and the module is SYMBOLS_SHORT. NULL = no limit. */
void symbols_limit(int (*fits)(uint64_t bytes));

/* NULL and errno if out of memory. */
struct symbols *symbols_open(void);
void symbols_close(struct symbols *s);

/* Registers a module; nothing is read before the first look-up. path: as recorded; build_id may be empty
 * (then the file at path is trusted). NULL only if out of memory. */
struct symbols_module *symbols_module(struct symbols *s, const char *path, const uint8_t *build_id,
                                      size_t build_id_size);

/* Sets the module's file, open for reading, which the module will close: the file at its path is not
 * looked at. Call it before the first look-up. */
void symbols_module_file(struct symbols_module *m, int file);

/* Declares that the file at its path is not the module's (SYMBOLS_REPLACED or SYMBOLS_GONE), so that only
 * a debug file is used. Call it before the first look-up; symbols_module_file() may follow. */
void symbols_module_lost(struct symbols_module *m, enum symbols_state why);

/* Reads the module if that has not been done yet. Becomes SYMBOLS_SHORT, and stays so, when memory runs out in a look-up. */
enum symbols_state symbols_module_state(struct symbols_module *m);

/* The frames at a file-relative address (address in the process minus bias), innermost (most inlined)
 * first. For a return address pass address - 1. Writes at most max (>= 1) frames and returns how many, at
 * least 1: if nothing is known, one frame of NULLs. Inlined callers beyond max are left out. */
size_t symbols_resolve(struct symbols_module *m, uint64_t address, struct symbols_frame *frames, size_t max);

/* The class of an object for which the code before a return address has asked operator new for a block of that size, by the
 * constructor that is called on the same line; address: as for symbols_resolve(). NULL = not known. */
const char *symbols_made(struct symbols_module *m, uint64_t address, uint64_t size);

/* The class that a vtable in the module belongs to, by its symbol; address: file-relative, behind the vtable's head, as
 * objects have it. "" = it is a vtable for the time in which a derived class is constructed; NULL = no vtable. */
const char *symbols_class(struct symbols_module *m, uint64_t address);

/* A type by the name that its type information has: "Circle" for "6Circle". NULL = that is no type's name. */
const char *symbols_type(struct symbols *s, const char *name);

/* Gives back the memory of what was read of files that nobody has asked for for a while: unpacked debug information is
 * megabytes. What was returned stays valid, and files are read again when they are asked for the next time: also those that
 * are at no path any more. now_ns: of a clock that does not go back; *freed: 1 = something was given back. Returns when it is
 * to be called again; 0 = not before something has been looked up. */
uint64_t symbols_rest(struct symbols *s, uint64_t now_ns, int *freed);

/* True if the function is part of an allocator or of its language's wrappers (malloc, calloc, operator
 * new, std::allocator::allocate, g_malloc; NOT functions like xmalloc), or the file is a header of a C++
 * or Rust standard library. An allocation never counts for such a frame if an outer frame has source
 * information. */
int symbols_is_library_code(const struct symbols_frame *frame);

/* Demangles a C++ (Itanium) or Rust (legacy and v0) name; returns a malloc'ed string, NULL if it is
 * neither. */
char *symbols_demangle(const char *name);

#endif
