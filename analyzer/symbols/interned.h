/* interned.h - interned strings: equal strings are the same pointer, and live as long as the table. */
#ifndef LIBTRACE_SYMBOLS_INTERNED_H
#define LIBTRACE_SYMBOLS_INTERNED_H

#include <stddef.h>

struct string_block;

/* An open-addressing set of pointers into an arena. All zero is an empty table. */
struct strings {
    const char **slots;          /* array of capacity elements, NULL = free */
    size_t capacity;             /* a power of two, or 0 before the first string */
    size_t count;                /* at most 3/4 of capacity */
    struct string_block *blocks; /* the arena, newest first */
    char *free_at;               /* unused rest of the newest block */
    size_t free_size;
};

void strings_free(struct strings *table);

/* The interned copy of these length bytes (no NUL among them). NULL = out of memory. */
const char *strings_intern_bytes(struct strings *table, const char *text, size_t length);

/* The same for a C string; NULL stays NULL. */
const char *strings_intern(struct strings *table, const char *text);

#endif
