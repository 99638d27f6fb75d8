/* demangle.c - C++ and Rust names through libiberty, which is what addr2line -C uses.
 *
 * The callback forms of libiberty's functions are used: they allocate nothing, while the others end the process
 * when memory runs out.
 */
#include "symbols.h"

#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <libiberty/demangle.h>

/* A few hundred bytes of a mangled name can stand for gigabytes, as back references nest. */
enum { DEMANGLED_MAX = 64 * 1024, MANGLED_MAX = 64 * 1024 };

struct output {
    char *text;      /* malloc'ed, not terminated */
    size_t length;   /* bytes used */
    size_t capacity; /* bytes allocated */
    jmp_buf give_up; /* the name is too long, or memory ran out; the demanglers have no other way to stop */
};

static void append(const char *bytes, size_t length, void *opaque)
{
    struct output *out = opaque;
    if (length > DEMANGLED_MAX - out->length)
        longjmp(out->give_up, 1);
    if (out->length + length + 1 > out->capacity) {
        size_t capacity = 2 * (out->length + length) + 64;
        char *text = realloc(out->text, capacity);
        if (!text)
            longjmp(out->give_up, 1);
        out->text = text;
        out->capacity = capacity;
    }
    if (length > 0) /* of nothing there need not be an address */
        memcpy(out->text + out->length, bytes, length);
    out->length += length;
}

/* A function of its own, so that append() changes no local variable of the function that calls setjmp. */
static int demangle(const char *name, struct output *out)
{
    const int options = DMGL_PARAMS | DMGL_ANSI;
    if (setjmp(out->give_up))
        return 0;
    /* Rust first: its older names are valid C++ names as well, with the hash as the innermost name. */
    if (rust_demangle_callback(name, options, append, out))
        return 1;
    out->length = 0;
    return cplus_demangle_v3_callback(name, options, append, out);
}

char *symbols_demangle(const char *name)
{
    if (!name || name[0] != '_' || strnlen(name, MANGLED_MAX) == MANGLED_MAX)
        return NULL;

    struct output out = {0};
    if (!demangle(name, &out) || out.length == 0) {
        free(out.text);
        return NULL;
    }
    out.text[out.length] = '\0';
    return out.text;
}
