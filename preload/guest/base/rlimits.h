/* rlimits.h - how much the resource limits of the program leave for the tracer. The program comes first:
 * if there is little, nothing is taken. */
#ifndef LIBTRACE_PRELOAD_RLIMITS_H
#define LIBTRACE_PRELOAD_RLIMITS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Which limits a mapping counts against. */
enum limits_kind {
    LIMITS_SHARED,  /* address space (RLIMIT_AS) */
    LIMITS_PRIVATE, /* address space and data (RLIMIT_DATA) */
};

/* Called when a process's part in a run begins: reads how much is in use. False if there is not enough
 * room to trace the process at all. */
bool limits_suffice(void);

/* Reserves so many bytes of address space; false if there is no room. After that, all requests fail for a
 * while, at almost no cost. Keeps errno. */
bool limits_take(size_t size, enum limits_kind kind);
void limits_give_back(size_t size, enum limits_kind kind);

/* Reports that a mapping of that size failed or, with size 0, that the arena is full: requests fail for a
 * while. */
void limits_failed(size_t size, enum limits_kind kind);
bool limits_short(void);

/* The size in chunks of the arena that the program may create, and its collector map; 0 = there is no
 * room. */
uint32_t limits_arena(void);

#endif
