/* reader_memory.h - shared memory for the tests of its reader, which write into it what a traced program
 * might. */
#ifndef LIBTRACE_TESTS_READER_MEMORY_H
#define LIBTRACE_TESTS_READER_MEMORY_H

#include "arena_reader.h"

#include <sys/types.h>

#define CHUNKS (WIRE_FIRST_CHUNK + 64)
#define SIZE (CHUNKS * WIRE_CHUNK_SIZE)
#define CHUNK(n) ((WIRE_FIRST_CHUNK + (uint64_t)(n)) * WIRE_CHUNK_SIZE)

extern struct arena *arena;
extern struct wire_arena *wire; /* as the program has it mapped */

#define STAMP_SHIFT 9 /* a unit other than x86-64's */

/* A memfd that starts with a valid header of an arena. */
int new_memory(off_t size, int seals);

/* Set-up and tear-down of two processes, both of which are the test itself. */
int begin(void **unused);
int end(void **unused);

/* The program's view of what is at an offset. */
void *at(uint64_t offset);

#endif
