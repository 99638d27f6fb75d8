/* rlimits.h - what the limits that the program runs under leave for the tracer. The program comes first: where
 * there is little, nothing is taken. */
#ifndef LIBTRACE_PRELOAD_RLIMITS_H
#define LIBTRACE_PRELOAD_RLIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a mapping counts as. */
enum limits_kind {
    LIMITS_SHARED,  /* address space (RLIMIT_AS) */
    LIMITS_PRIVATE, /* data (RLIMIT_DATA) as well */
};

/* At the start of a process's part in a run: looks how much is in use. False if there is no room for what it
 * takes to trace a process at all. */
bool limits_suffice(void);

/* Takes so many bytes of address space, or says that there is no room. After that there is none for a while:
 * to ask again costs next to nothing. Keeps errno. */
bool limits_take(size_t size, enum limits_kind kind);
void limits_give_back(size_t size, enum limits_kind kind);

/* A mapping of that size has failed, or, of none, the arena is full: there is no room for a while. */
void limits_failed(size_t size, enum limits_kind kind);
bool limits_short(void);

/* The size of the arena that the program may make, and its collector map, in chunks; 0: there is no room. */
uint32_t limits_arena(void);

#endif
