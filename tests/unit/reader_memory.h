/* reader_memory.h - shared memory for the tests of its reader, in which they write what a program might. */
#ifndef LIBTRACE_TESTS_READER_MEMORY_H
#define LIBTRACE_TESTS_READER_MEMORY_H

#include "arena_reader.h"

#include <sys/types.h>

#define CHUNKS (WIRE_FIRST_CHUNK + 64)
#define SIZE (CHUNKS * WIRE_CHUNK_SIZE)
#define CHUNK(n) ((WIRE_FIRST_CHUNK + (uint64_t)(n)) * WIRE_CHUNK_SIZE)

extern struct arena *arena;
extern struct wire_arena *wire; /* as the program has it mapped */

#define STAMP_SHIFT 9 /* another unit than x86-64's */

/* A memfd that begins as an arena does. */
int new_memory(off_t size, int seals);

/* Set-up and tear-down: two processes, that are this one. */
int begin(void **unused);
int end(void **unused);

/* What is at an offset, as the program has it. */
void *at(uint64_t offset);

#endif
